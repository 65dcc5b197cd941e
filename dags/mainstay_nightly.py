"""The night: land, load, stage, build and publish one business date, with a validation after each stage.

Wiring only. What a task does is in `pipelines/steps.py`, how it is called in `pipelines/orchestrate/tasks.py`.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import Asset, CronDataIntervalTimetable, dag, task

from pipelines.orchestrate.tasks import default_args, finish_run, open_run, run_step
from pipelines.settings import load_settings

# Every morning at 04:00 in the reporting timezone, for the business date that ended at midnight: the shop's
# exports have four hours to arrive, and no daylight-saving change falls on that hour. The data
# interval from 04:00 on the 1st to 04:00 on the 2nd is run at its end, for the business date of the 1st.
SCHEDULE = "0 4 * * *"

settings = load_settings()
mainstay_marts = Asset("mainstay_marts")


@dag(
    dag_id="mainstay_nightly",
    # Named outright, because a bare cron string has had no data interval since Airflow 3.0, and both the
    # business date and `airflow backfill create` hang on the interval.
    schedule=CronDataIntervalTimetable(SCHEDULE, timezone=settings.timezone),
    # Before any data a company may want to backfill; catchup is off, so nothing runs for the years in between.
    start_date=pendulum.datetime(2000, 1, 1, tz=settings.timezone),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    doc_md=__doc__,
    tags=["mainstay"],
)
def mainstay_nightly() -> None:
    """One run is one business date."""

    @task
    def land() -> dict[str, Any]:
        """Open the run and check the date's landing files."""
        open_run("nightly")
        return run_step("land")

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
    def validate_marts() -> dict[str, Any]:
        """Run the expectations on the marts."""
        return run_step("validate", stage="marts")

    @task(outlets=[mainstay_marts])
    def publish() -> dict[str, Any]:
        """Audit the new serving file and swap it in."""
        return run_step("publish")

    @task
    def finish() -> dict[str, Any]:
        """Close the run in the ledger, whatever happened, and build the Data Docs."""
        return finish_run()

    # fmt: off
    (
        land() >> validate_land()
        >> load() >> validate_raw()
        >> stage() >> validate_staging()
        >> build() >> validate_marts()
        >> publish()
        # A teardown runs after a failure too, and does not count for the run's state: that stays publish's.
        >> finish().as_teardown()
    )
    # fmt: on


nightly = mainstay_nightly()
