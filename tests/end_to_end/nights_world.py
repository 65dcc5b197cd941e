"""A day's sales, the served file, and a night's steps one after another without Airflow around them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from deployments import Deployment

from pipelines import steps
from pipelines.publish import as_of_for
from pipelines.warehouse import ledger


def sales(day: date, count: int = 12) -> list[dict[str, object]]:
    """A day's lines of some customers; a return, a line without a product."""
    return [
        {
            "transaction_id": f"t{day:%m%d}-{n}",
            "line_number": 1,
            "customer_id": f"c{n % 5}",
            "product_id": f"p{n % 3}" if n % 4 else None,
            "transaction_at": f"{day} {9 + n % 10}:15:00",
            "quantity": 1,
            "net_amount": f"{-3.5 if n == 7 else 10.25 * (n + 1):.2f}",
        }
        for n in range(count)
    ]


def addresses(on: date) -> list[dict[str, object]]:
    """Sales that the loader takes and only the raw expectations object to."""
    return [row | {"customer_id": "a@b.example"} for row in sales(on)]


def database(deployment: Deployment) -> Path:
    """The DuckDB file that BI reads."""
    return deployment.settings.serving / "marts.duckdb"


def unvalidated(deployment: Deployment) -> list[tuple[object, ...]]:
    """Loaded dates that have not passed their raw expectations."""
    return deployment.query("select distinct * from ops.unvalidated order by all")


def opened(deployment: Deployment, kind: str, day: date) -> str:
    """A run that is open in the ledger."""
    run_id = ledger.new_run_id(kind, day)
    steps.start(deployment.settings, run_id, kind, day)
    return run_id


def load_day(deployment: Deployment, day: date) -> str:
    """The steps of a night as far as `load`, for one business date; gives the run's id."""
    settings, run_id = deployment.settings, opened(deployment, "nightly", day)
    steps.land(settings, run_id, day, day)
    steps.validate(settings, run_id, "land", day, day)
    steps.load(settings, run_id, day, day)
    return run_id


def night(deployment: Deployment, day: date) -> date:
    """The steps of a night in the DAG's order and with its arguments; gives the date that the marts are as of."""
    settings, run_id = deployment.settings, load_day(deployment, day)
    steps.validate(settings, run_id, "raw", day, day)
    as_of = as_of_for(settings, day)
    steps.stage(settings, run_id, as_of)
    steps.validate(settings, run_id, "staging", day, day)
    steps.build(settings, run_id, as_of)
    steps.fit(settings, run_id, as_of)
    steps.validate(settings, run_id, "marts", day, day)
    steps.publish(settings, run_id, as_of)
    return as_of
