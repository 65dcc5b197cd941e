"""Mainstay's parts, each run as a process of its own: `python -m bench.parts PART FIRST LAST`.

The deployment comes from the environment. What a part says about itself goes as JSON to the file that
`BENCH_RESULT` names.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import time
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.nodes import Nodes
from pipelines import steps
from pipelines.fit.tables import create_tables
from pipelines.quoting import literal
from pipelines.settings import Settings, load_settings
from pipelines.steps.record import context_of, recorded, transformed
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect

RUN = "bench"
NIGHTS = 30
"""How many days before the last one the first night is; one night more in each call."""

STAGES = ("land", "raw", "staging", "marts")


def load(settings: Settings, first: date, last: date) -> dict[str, Any]:
    """Load all landed files in one pass."""
    from bench.stopwatch import Stopwatch, attach

    watch = Stopwatch()
    attach(watch)
    steps.start(settings, RUN, "bench", last)
    summary = watch.timed("rest of the step", lambda: steps.load(settings, RUN, first, last))
    return {"seconds": dict(watch.seconds), "rows": summary["loaded"], "files": summary["files"]}


def land(settings: Settings, first: date, last: date) -> dict[str, Any]:
    """Check all landed files against their contracts."""
    return {"files": steps.land(settings, RUN, first, last)["files"]}


def build(settings: Settings, first: date, last: date) -> dict[str, Any]:
    """Stage, build and fit, as `mainstay build`, but that nothing is fitted.

    Fitting has a benchmark of its own, so the fits are empty: what comes of them is null here, or has no row.
    """
    items: dict[str, Any] = {}
    with closing(connect(settings)) as connection:  # validation is a part of its own here
        ledger.mark_validated(connection, ledger.unvalidated(connection))
    heard = Nodes()
    heard.listen()
    for step in ("stage", "build"):
        began = time.time()
        getattr(steps, step)(settings, RUN, last)
        items[step] = heard.figures(settings, began)
    began = time.time()

    def fit() -> dict[str, Any]:
        with closing(connect(settings)) as connection:
            create_tables(connection)
        return transformed(settings, RUN, "fit", last, context_of(settings), None)

    recorded(settings, RUN, "fit", fit)
    items["fit"] = heard.figures(settings, began)
    return items


def validate(settings: Settings, first: date, last: date) -> dict[str, Any]:
    """Run every stage's expectations on all that was loaded, one stage after the other."""
    from pipelines.validate.gx import great_expectations

    began = time.perf_counter()
    great_expectations()
    items: dict[str, Any] = {
        "seconds": {"importing Great Expectations": time.perf_counter() - began},
        "checks": 0,
    }
    for stage in STAGES:
        began = time.perf_counter()
        items["checks"] += steps.validate(settings, RUN, stage, first, last)["checks"]
        items["seconds"][stage] = time.perf_counter() - began
    return items


def publish(settings: Settings, first: date, last: date) -> dict[str, Any]:
    """Publish the marts; the audit of the serving file counts as validation."""
    from bench.stopwatch import Stopwatch

    watch = Stopwatch()
    publishing: Any = importlib.import_module("pipelines.steps.publish")
    publishing.validated = watch.wrap("serving", publishing.validated)
    summary = steps.publish(settings, RUN, last)
    return {"seconds": dict(watch.seconds), "rows": summary["rows"], "checks": summary["checks"]["checks"]}


def night(settings: Settings, first: date, last: date) -> dict[str, Any]:
    """A small deployment's next night through the DAG, with everything loaded before.

    Each night is for the next business date, as dbt parses its project anew when the date is another one. The
    first call also loads all dates and runs a night to fill the caches that a deployment of some age has.
    """
    from pipelines.orchestrate.inprocess import run_nightly_dag

    if not settings.warehouse.exists():
        steps.start(settings, RUN, "bench", last)
        steps.load(settings, RUN, first, last)
        steps.close(settings, RUN, "success")
        run_nightly_dag(last - timedelta(days=NIGHTS), settings).raise_for_error()
    (nights,) = _ask(settings, "select count(*) from ops.runs where kind = 'nightly'")
    result = run_nightly_dag(last - timedelta(days=NIGHTS - nights), settings)
    result.raise_for_error()
    (loaded,) = _ask(settings, f"select count(*) from ops.files where run_id = {literal(result.run_id)}")
    if loaded:
        raise RuntimeError(f"the night was not empty: it loaded {loaded} files")
    return {
        "night_seconds": result.seconds,
        "startup": result.startup_seconds,
        "airflow": result.airflow_seconds,
        "tasks": {task.name: task.seconds for task in result.tasks},
    }


def _ask(settings: Settings, query: str) -> Any:
    with closing(connect(settings, read_only=True)) as connection:
        return connection.execute(query).fetchone()


def main() -> None:
    """Run one part."""
    parts = {f.__name__: f for f in (load, land, build, validate, publish, night)}
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=parts)
    parser.add_argument("first", type=date.fromisoformat)
    parser.add_argument("last", type=date.fromisoformat)
    args = parser.parse_args()
    items = parts[args.part](load_settings(), args.first, args.last)
    Path(os.environ["BENCH_RESULT"]).write_text(json.dumps(items), encoding="utf-8")


if __name__ == "__main__":
    main()
