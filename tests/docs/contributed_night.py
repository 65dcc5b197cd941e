"""One night in a project to which CONTRIBUTING.md's examples were added: run with that project on the path.

`python contributed_night.py HOME FILES`: makes a deployment in HOME, lands FILES (a JSON object of texts by path), runs the
tasks of the DAG one after another as Airflow would, then what the page says a reader can do. Prints what it found as JSON.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from contextlib import redirect_stderr
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
from task_instances import TaskInstance, outlet_events
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.contracts import generate
from pipelines.errors import BuildError
from pipelines.orchestrate.environment import airflow_environment
from pipelines.settings import load_settings

DAY = date(2025, 3, 1)
RUN_ID = "tonight"


def mainstay(*arguments: str) -> dict[str, Any]:
    """What a command says, in this process."""
    result = CliRunner().invoke(app, list(arguments))
    return {"exit_code": result.exit_code, "said": result.output}


def night() -> list[str]:
    """The DAG's tasks in their order, each with its real step; gives their names."""
    from pipelines.orchestrate import tasks
    from pipelines.orchestrate.worker import _load_dag

    settings = load_settings()
    dag = _load_dag("mainstay_nightly")
    (task,) = [task for task in dag.tasks if not task.upstream_task_ids]
    done: dict[str, str] = {}
    noon = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
    instance = TaskInstance(dag.dag_id, RUN_ID, task.task_id, done)
    context = {
        "dag": dag,
        "params": {},
        "ti": instance,
        "dag_run": SimpleNamespace(run_id=RUN_ID, data_interval_start=noon, run_after=noon),
    }
    while True:
        here = instance.task_id = task.task_id
        tasks._current_run = lambda here=here: tasks._Run(settings, RUN_ID, here, context)
        takes_events = "outlet_events" in inspect.signature(task.python_callable).parameters
        summary = task.python_callable(**{"outlet_events": outlet_events()} if takes_events else {})
        instance.left[here, "return_value"] = summary
        done[here] = "success"
        following = [i for i in task.downstream_task_ids if dag.get_task(i).upstream_task_ids <= set(done)]
        if not following:
            return list(done)
        (after,) = following
        task = dag.get_task(after)


def policy_with_a_mistake() -> dict[str, Any]:
    """What `mainstay stage` says of a bound that is no number."""
    path = load_settings().policies / "visit_classes.csv"
    right = path.read_text(encoding="utf-8")
    path.write_text(right.replace("15", "a quarter"), encoding="utf-8")
    try:
        return mainstay("stage")
    finally:
        path.write_text(right, encoding="utf-8")


def unit_tests_of_the_mart() -> list[list[str]]:
    """Name and outcome of the mart's unit tests; the project is parsed already."""
    from pipelines.steps.record import context_of
    from pipelines.transform.run import _invoked

    settings = load_settings()
    chosen = ["test", "--select", "visit_classes_monthly,test_type:unit"]
    outcome = _invoked(settings, DAY, context_of(settings), chosen)
    return [[result.node.name, str(result.status)] for result in outcome.result.results]


def accounting_test_on_a_bad_row() -> str:
    """What a build says where the mart has a visit too many."""
    from pipelines.steps.record import context_of
    from pipelines.transform import transform

    settings = load_settings()
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("insert into marts.visit_classes_monthly values (date '2025-02-01', 'long', 1, 1)")
    try:
        transform(
            settings, "build", DAY, context_of(settings),
            selection=["--select", "visit_classes_count_every_visit_once"],
        )  # fmt: skip
    except BuildError as error:
        return str(error)
    return "passed"


def main(home: Path, landed: dict[str, str]) -> dict[str, Any]:
    """Everything that the tests look at and that needs the changed project."""
    with redirect_stderr(StringIO()) as errors:
        exit_code = generate.main([])
    said: dict[str, Any] = {"docs": {"exit_code": exit_code, "said": errors.getvalue()}}
    mainstay("init", str(home))
    os.environ["MAINSTAY_HOME"] = str(home)
    for name, text in landed.items():
        path = load_settings().landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    os.environ.update(airflow_environment(load_settings(), "inprocess"))
    return {
        **said,
        "tasks": night(),
        "deliver": mainstay("deliver"),
        "status": mainstay("status", "--json"),
        "quarantine": mainstay("quarantine", "show", "store_visits"),
        "policy": policy_with_a_mistake(),
        "unit_tests": unit_tests_of_the_mart(),
        "bad_row": accounting_test_on_a_bad_row(),
    }


if __name__ == "__main__":
    print("RESULT" + json.dumps(main(Path(sys.argv[1]), json.loads(sys.argv[2]))))
