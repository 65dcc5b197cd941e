"""What a scheduled run tells: once, of which step, why and where to look; and the look for a missing night."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from services_double import KEY, Services, services
from task_instances import TaskInstance

from pipelines.errors import LoadError, MainstayError, StorageError
from pipelines.orchestrate import tasks, telling
from pipelines.settings import Settings

ORDER = ("land", "load", "publish", "finish")


@pytest.fixture(scope="module")
def server() -> Iterator[Services]:
    with services() as found:
        yield found


@pytest.fixture
def told(server: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setenv("MAINSTAY_HOME", str(tmp_path))
    monkeypatch.setenv("MAINSTAY_NOTIFY_URLS", server.address("json"))
    server.heard.clear()
    return server


def _run(failed: str | None, error: BaseException | None) -> tasks._Run:
    states = dict.fromkeys(ORDER, "success")
    if failed:
        states |= {failed: "failed"} | dict.fromkeys(ORDER[ORDER.index(failed) + 1 :], "upstream_failed")
    ti = TaskInstance("mainstay_nightly", "scheduled__1", failed or "", states)
    dag = SimpleNamespace(dag_id="mainstay_nightly", task_dict=dict.fromkeys(ORDER))
    moment = SimpleNamespace(astimezone=lambda zone: SimpleNamespace(date=lambda: "2026-03-01"))
    dag_run = SimpleNamespace(data_interval_start=moment, run_after=moment)
    run = tasks._Run(Settings(), "scheduled__1", "finish", {"ti": ti, "dag": dag, "dag_run": dag_run})
    if error is not None:
        tasks._leave_for_finish(run, error)
    ti.task_id = "finish"
    return run


def _finish(
    monkeypatch: pytest.MonkeyPatch, failed: str | None, error: BaseException | None
) -> dict[str, Any]:
    monkeypatch.setattr(tasks, "_current_run", lambda: _run(failed, error))
    steps = SimpleNamespace(finish=lambda *args: {"data_docs": "/var/data_docs/index.html"})
    monkeypatch.setattr(tasks, "_steps", lambda: steps)
    return tasks.finish_run()


def test_a_failed_run_is_told_once_with_step_date_sentence_way_on_and_page(
    told: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    _finish(monkeypatch, "load", LoadError("a.csv line 3: amount is 'x'"))
    [alert] = told.texts()
    assert "mainstay_nightly for 2026-03-01 failed at load" in alert
    assert "在 load 步骤失败" in alert
    assert alert.count("load: a.csv line 3: amount is 'x'") == 1
    assert "(exit code 4): see `mainstay quarantine list`" in alert
    assert "处理办法（退出码 4）" in alert
    assert "/dags/mainstay_nightly/runs/scheduled__1" in alert


def test_a_full_disk_has_its_own_way_on(told: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    _finish(monkeypatch, "load", OSError(28, "No space left on device"))
    assert f"(exit code {StorageError.exit_code})" in told.texts()[0]


def test_a_task_that_left_nothing_was_killed(told: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    _finish(monkeypatch, "load", None)
    [alert] = told.texts()
    assert "its process may have been killed" in alert
    assert "(exit code 11)" in alert


@pytest.mark.parametrize("answer", [{"ok": False}, "ok"])
def test_the_run_ends_as_it_did_whatever_becomes_of_the_alert(
    answer: Any, told: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setitem(told.answers, "json", answer)
    assert _finish(monkeypatch, "load", LoadError("x"))["data_docs"]
    assert len(told.heard) == 1
    assert ("did not arrive" in caplog.text) is (answer != "ok")
    assert KEY not in caplog.text


def test_what_is_not_wanted_is_not_told(told: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAINSTAY_NOTIFY_ON", "published, stale")
    _finish(monkeypatch, "load", LoadError("x"))
    assert told.heard == []


def test_a_finish_that_fails_is_told_by_its_callback(told: Services) -> None:
    ti = TaskInstance("mainstay_nightly", "scheduled__1", "finish")
    tasks.finish_failed({"ti": ti, "exception": StorageError("the disk is full")})
    [alert] = told.texts()
    assert "failed at finish" in alert
    assert "the disk is full" in alert
    tasks.finish_failed({"ti": ti})
    assert "may have been killed" in told.texts()[1]


def test_a_missing_night_fails_its_task_and_is_told(told: Services) -> None:
    with pytest.raises(MainstayError, match=r"the night of 20.* is not published: nothing is published yet"):
        telling.require_fresh()
    [alert] = told.texts()
    assert " is missing · 缺少 " in alert
    assert "`mainstay nightly 20" in alert
