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

import setproctitle
from airflow.configuration import conf
from airflow.listeners import hookimpl

log = logging.getLogger(__name__)


@hookimpl  # type: ignore[untyped-decorator]
def on_starting(component: Any) -> None:
    """Airflow calls this in each of its services; the scheduler alone has tasks as its forks, and not with every executor.

    Nothing of what is imported starts a thread or opens a database, which a fork would not survive.
    """
    del component  # it does not say yet whose it is
    forks = "LocalExecutor" in conf.get("core", "executor") and multiprocessing.get_start_method() == "fork"
    if sys.argv[1:2] != ["scheduler"] or not forks:
        return
    # Finds where the titles of processes stand while the environment is as it was at the start: Airflow writes them later.
    setproctitle.getproctitle()
    try:
        from pipelines.validate.gx import great_expectations

        great_expectations()
    except Exception:  # a task that needs it says so in its own log
        log.exception("what the tasks need could not be imported before they begin")
