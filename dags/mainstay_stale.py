"""Is the night there? Every day at the hour of `notify_stale_after` it looks whether yesterday is published.

Where it is not, the task fails, and the alert `stale` is sent: once, as it is not tried again. It reads what BI reads and nothing
else, so that it holds up no night.

What counts as missing is in `pipelines/alerts/stale.py`.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import CronTriggerTimetable, dag, task

from pipelines.orchestrate.telling import require_fresh
from pipelines.orchestrate.told import LOOK, dag_doc, task_doc
from pipelines.settings import FIRST_DAY, load_settings

settings = load_settings()
hour, minute = settings.notify_stale_after.split(":")


@dag(
    dag_id="mainstay_stale",
    schedule=CronTriggerTimetable(f"{int(minute)} {int(hour)} * * *", timezone=settings.timezone),
    start_date=pendulum.datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tz=settings.timezone),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "mainstay", "retries": 0, "execution_timeout": pendulum.duration(minutes=5)},
    doc_md=dag_doc(__doc__, settings, {"look": LOOK}),
    tags=["mainstay"],
)
def mainstay_stale() -> None:
    """One run is one look."""

    @task(doc_md=task_doc(LOOK), show_return_value_in_logs=False)  # type: ignore[untyped-decorator]
    def look() -> dict[str, bool]:
        """Fail if the night is missing that should be published by now."""
        return require_fresh()

    look()


stale = mainstay_stale()
