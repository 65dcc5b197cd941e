"""Old logs go at the end of a run; what is being written stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

from deployments import create

from pipelines import steps
from pipelines.steps.logs import prune_logs

DAY = 86_400


def aged(path: Path, days: float) -> Path:
    """A file that was last written so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("…", encoding="utf-8")
    os.utime(path, (time.time() - days * DAY,) * 2)
    return path


def test_logs_are_kept_for_the_days_of_the_setting(tmp_path: Path) -> None:
    settings = create(tmp_path / "shop", keep_log_days=7).settings
    logs = settings.var / "logs"
    task = "dag_id=mainstay_nightly/run_id=r/task_id=load"
    old = [
        aged(logs / "nightly-2024-05-01-20240502T040000.log", 7.1),
        aged(logs / "dbt.log.3", 30),
        aged(logs / "airflow" / "inprocess" / task / "attempt=1.log", 8),
        aged(logs / "airflow" / "scheduler-20240101T000000000000.log", 8),
    ]
    kept = [
        aged(logs / "nightly-2024-05-08-20240509T040000.log", 6.9),
        aged(logs / "dbt.log", 0),
        aged(logs / "airflow" / "scheduler.log", 40),
        aged(settings.landing / "transactions" / "2024-05-01" / "t.csv", 900),
    ]
    from_the_future = aged(logs / "nightly-2099-01-01-20990102T040000.log", -400)
    emptied = logs / "airflow" / "inprocess" / "dag_id=gone" / "run_id=r"
    emptied.mkdir(parents=True)
    os.utime(emptied, (time.time() - 8 * DAY,) * 2)
    fresh = logs / "airflow" / "inprocess" / task.replace("run_id=r", "run_id=s")
    fresh.mkdir(parents=True)

    assert prune_logs(settings) == len(old)
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in [*kept, from_the_future, fresh])
    assert not emptied.exists()
    assert abs(from_the_future.stat().st_mtime - time.time()) < 60
    assert prune_logs(settings) == 0


def test_the_end_of_a_run_takes_old_logs_away_and_none_of_its_own(tmp_path: Path) -> None:
    deployment = create(tmp_path / "shop")
    settings = deployment.settings
    old, own = aged(settings.var / "logs" / "old.log", 31), aged(settings.var / "logs" / "own.log", 0)
    deployment.load()
    run_id = deployment.query("select run_id from ops.runs")[0][0]
    summary = steps.finish(settings, run_id, None, "failed")  # type: ignore[arg-type]
    assert summary["pruned_logs"] == 1
    assert (old.exists(), own.exists()) == (False, True)
