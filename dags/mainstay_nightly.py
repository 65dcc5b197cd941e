"""The night: land, load, stage, build and publish one business date, with a validation after each stage.

It runs every morning at 04:00, for the business date that ended at midnight, and does not catch up on missed nights: load
their dates with `mainstay_backfill`.

Wiring only. The tasks and their order are in `pipelines/orchestrate/wiring.py`.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import CronDataIntervalTimetable, dag

from pipelines.orchestrate.tasks import default_args
from pipelines.orchestrate.told import dag_doc
from pipelines.orchestrate.wiring import land_to_publish
from pipelines.settings import FIRST_DAY, load_settings

# Every morning at 04:00 in the reporting timezone, for the business date that ended at midnight: the shop's
# exports have four hours to arrive, and no daylight-saving change falls on that hour. The data
# interval from 04:00 on the 1st to 04:00 on the 2nd is run at its end, for the business date of the 1st.
SCHEDULE = "0 4 * * *"

settings = load_settings()


@dag(
    dag_id="mainstay_nightly",
    # Named outright, because a bare cron string has had no data interval since Airflow 3.0, and both the
    # business date and `airflow backfill create` hang on the interval.
    schedule=CronDataIntervalTimetable(SCHEDULE, timezone=settings.timezone),
    # Airflow runs no task for a date before; catchup is off, so nothing runs for the years in between.
    start_date=pendulum.datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tz=settings.timezone),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    doc_md=dag_doc(__doc__, settings),
    tags=["mainstay"],
)
def mainstay_nightly() -> None:
    """One run is one business date."""
    land_to_publish()


nightly = mainstay_nightly()
