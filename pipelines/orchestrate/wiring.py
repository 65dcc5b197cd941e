"""The tasks that every DAG runs, one after another. Imported where Airflow is.

What a task does is in `pipelines/steps/`, how it is called in `pipelines/orchestrate/tasks.py`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset
from airflow.sdk import task as airflow_task

from pipelines.orchestrate.links import CHECKS, DASHBOARDS, REPORT, with_links
from pipelines.orchestrate.published import event_extra
from pipelines.orchestrate.tasks import finish_failed, finish_run, run_step
from pipelines.orchestrate.told import TASKS, task_doc
from pipelines.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

mainstay_marts = Asset("mainstay_marts", uri="x-mainstay://serving/marts")
"""What BI reads. Updated once by each run that publishes; other DAGs can be scheduled on it.

The URI is the same in every deployment, so it can be written into a schedule; Airflow leaves the rest of a scheme that begins
with `x-` to us. Each event says in `extra` as of which date the marts are, how many rows they have, and their version.
"""


def task(step: Callable[[], dict[str, Any]], **options: Any) -> Any:
    """The step as Airflow's task, with what a person should know of it."""
    # The log has what the step did line by line, and not as one line of Python.
    options |= {"doc_md": task_doc(TASKS[step.__name__]), "show_return_value_in_logs": False}
    return airflow_task(**options)(step)


def land_to_publish() -> None:
    """Add the tasks and their order to the DAG that is being defined."""

    @task
    def land() -> dict[str, Any]:
        """Open the run and check the landing files."""
        return run_step("land", opens_run=True)

    @task
    def validate_land() -> dict[str, Any]:
        """Run the expectations on the landed files."""
        return run_step("validate", stage="land")

    @task
    def load() -> dict[str, Any]:
        """Load the files by contract into raw, quarantine and duplicates."""
        return run_step("load")

    @task
    def validate_raw() -> dict[str, Any]:
        """Run the expectations on the loaded partitions."""
        return run_step("validate", stage="raw")

    @task
    def stage() -> dict[str, Any]:
        """Build dbt's seeds and staging models."""
        return run_step("stage")

    @task
    def validate_staging() -> dict[str, Any]:
        """Run the expectations on the staging models."""
        return run_step("validate", stage="staging")

    @task
    def build() -> dict[str, Any]:
        """Build dbt's intermediate models and marts."""
        return run_step("build")

    @task
    def fit() -> dict[str, Any]:
        """Fit the models of retention and value, and build the marts that rest on them."""
        return run_step("fit")

    @task
    def validate_marts() -> dict[str, Any]:
        """Run the expectations on the marts."""
        return run_step("validate", stage="marts")

    @partial(task, outlets=[mainstay_marts])
    def publish(*, outlet_events: Any = None) -> dict[str, Any]:
        """Audit the new serving file and swap it in."""
        summary = run_step("publish")
        outlet_events[mainstay_marts].extra = event_extra(summary)
        return summary

    @task
    def export() -> dict[str, Any]:
        """Bring PostgreSQL to the served night, where MAINSTAY_POSTGRES_URL is set."""
        return run_step("export")

    @partial(task, on_failure_callback=finish_failed)
    def finish() -> dict[str, Any]:
        """Close the run in the ledger, whatever happened, write the Data Docs, and tell of it."""
        return finish_run()

    checked = partial(with_links, links=[CHECKS])
    # fmt: off
    published = (
        land() >> checked(validate_land())
        >> load() >> checked(validate_raw())
        >> stage() >> checked(validate_staging())
        >> build() >> fit() >> checked(validate_marts())
        >> with_links(publish(), [REPORT, DASHBOARDS])
    )
    if load_settings().postgres_url is not None:
        published = published >> export()
    # A teardown runs after a failure too, and does not count for the run's state: that stays the last step's.
    published >> with_links(finish(), [CHECKS, REPORT, DASHBOARDS]).as_teardown()
    # fmt: on
