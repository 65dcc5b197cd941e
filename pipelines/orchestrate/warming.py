"""What each task of a night would import, imported once: by the scheduler, before it forks the processes that run them.

Airflow's LocalExecutor forks its processes when the scheduler starts, and each task is a fork of one of these. Great
Expectations takes some three seconds of processor time to import, and five of a night's eleven tasks need it. Imported before
the fork it is there, and its memory is shared. dbt is left to the tasks: it makes locks as it is imported, which all of them
would share, and a task that is killed would keep.
"""

from __future__ import annotations

import logging
import multiprocessing
import sys
from typing import Any

from airflow.configuration import conf
from airflow.listeners import hookimpl

log = logging.getLogger(__name__)


def is_scheduler() -> bool:
    """Whether this process was started as Airflow's scheduler, or is a fork of it."""
    return sys.argv[1:2] == ["scheduler"]


@hookimpl  # type: ignore[untyped-decorator]
def on_starting(component: Any) -> None:
    """Airflow calls this in the scheduler before it forks, and in each task's process, which has what the scheduler had.

    Nothing of what is imported starts a Python thread or opens a database, which a fork would not survive.
    """
    forks = "LocalExecutor" in conf.get("core", "executor") and multiprocessing.get_start_method() == "fork"
    if type(component).__name__ != "Job" or not forks:  # a task's is another
        return
    try:
        import setproctitle

        # Finds where the titles of processes stand while the environment is as it was at the start: Airflow writes them later.
        setproctitle.getproctitle()
        from pipelines.validate.gx import great_expectations

        great_expectations()
    except Exception:  # a task that needs it says so in its own log
        log.exception("what the tasks need could not be imported before they begin")
