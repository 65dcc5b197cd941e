"""The tasks that every DAG runs, one after another. Imported by the files in `dags/` alone.

What a task does is in `pipelines/steps/`, how it is called in `pipelines/orchestrate/tasks.py`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset, task

from pipelines.orchestrate.tasks import finish_run, run_step
from pipelines.settings import load_settings

mainstay_marts = Asset("mainstay_marts")
"""What BI reads. Updated once by each run that publishes; other DAGs can be scheduled on it."""


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

    @task(outlets=[mainstay_marts])  # type: ignore[untyped-decorator]  # Airflow's packages are not followed
    def publish() -> dict[str, Any]:
        """Audit the new serving file and swap it in."""
        return run_step("publish")

    @task
    def export() -> dict[str, Any]:
        """Bring PostgreSQL to the served night, where MAINSTAY_POSTGRES_URL is set."""
        return run_step("export")

    @task
    def finish() -> dict[str, Any]:
        """Close the run in the ledger, whatever happened, and build the Data Docs."""
        return finish_run()

    # fmt: off
    published = (
        land() >> validate_land()
        >> load() >> validate_raw()
        >> stage() >> validate_staging()
        >> build() >> fit() >> validate_marts()
        >> publish()
    )
    if load_settings().postgres_url is not None:
        published = published >> export()
    # A teardown runs after a failure too, and does not count for the run's state: that stays the last step's.
    published >> finish().as_teardown()
    # fmt: on
