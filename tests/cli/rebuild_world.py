"""A small shop that is published, to lose its warehouse or its landing files."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from deployments import Deployment, create

from pipelines import steps
from pipelines.publish import Published, current
from pipelines.warehouse import ledger

DAYS = [date(2024, 5, 1) + timedelta(days=n) for n in range(3)]
LINES = 5


def published_shop(home: Path) -> Deployment:
    """A deployment in `home` with some lines a day, loaded and published."""
    deployment = create(home)
    for day in DAYS:
        rows = [
            {
                "transaction_id": f"t{day}-{n}",
                "line_number": 1,
                "customer_id": f"c{n}",
                "product_id": "p1",
                "transaction_at": f"{day} 10:00:00",
                "quantity": 1,
                "net_amount": f"{10 * (n + 1)}.00",
            }
            for n in range(LINES)
        ]
        deployment.land("transactions", day, rows)
    publish(deployment)
    return deployment


def publish(deployment: Deployment) -> None:
    """Load all that is landed and publish it, as the steps do it without Airflow."""
    settings, run_id = deployment.settings, ledger.new_run_id("test", DAYS[-1])
    steps.start(settings, run_id, "test", DAYS[-1])
    steps.load(settings, run_id, None, None)
    steps.publish(settings, run_id, DAYS[-1], rebuild_if_needed=True)
    steps.close(settings, run_id, "success")


def served(deployment: Deployment) -> Published:
    """What BI is served."""
    published = current(deployment.settings)
    assert published is not None
    return published
