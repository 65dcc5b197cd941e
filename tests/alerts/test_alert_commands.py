"""`mainstay notify` and `mainstay status --check`: exit codes, and what they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployments import mainstay, says_one_thing
from services_double import KEY, Services, services


@pytest.fixture(scope="module")
def told() -> Iterator[Services]:
    with services() as found:
        yield found


def test_a_test_message_says_which_addresses_work(told: Services, tmp_path: Path) -> None:
    told.heard.clear()
    result = mainstay(tmp_path, "notify", "--test", MAINSTAY_NOTIFY_URLS=told.address("json"))
    assert result.exit_code == 0, result.output
    assert "arrived at address 1 (json://…)" in result.output
    assert "a test message · 测试消息" in told.texts()[0]
    two = f"{told.address('json')} json://127.0.0.1:1/{KEY}"
    result = mainstay(tmp_path, "notify", "--test", "--json", MAINSTAY_NOTIFY_URLS=two)
    assert result.exit_code == 1
    assert [delivery["arrived"] for delivery in json.loads(result.output)] == [True, False]
    assert KEY not in result.output


def test_where_alerts_go_is_shown_without_a_secret(told: Services, tmp_path: Path) -> None:
    told.heard.clear()
    result = mainstay(tmp_path, "notify", MAINSTAY_NOTIFY_URLS=f"dingtalk://{KEY}")
    assert result.exit_code == 0, result.output
    assert "address 1 (dingtalk://…)" in result.output
    assert "told are failed, quarantined, stale, warned" in result.output
    assert KEY not in result.output
    assert told.heard == []


def test_addresses_that_are_missing_or_unknown_are_settings_errors(tmp_path: Path) -> None:
    says_one_thing(
        mainstay(tmp_path, "notify", "--test"), 2, "MAINSTAY_NOTIFY_URLS is not set", "docs/alerts.md"
    )
    result = mainstay(tmp_path, "notify", "--test", MAINSTAY_NOTIFY_URLS=f"json://a msteams://{KEY}")
    says_one_thing(result, 2, "address 2 (msteams://…) cannot be read")
    assert KEY not in result.output


def test_doctor_knows_a_wrong_address(tmp_path: Path) -> None:
    result = mainstay(tmp_path, "doctor", "--json", MAINSTAY_NOTIFY_URLS=f"json://a bogus://{KEY}")
    [finding] = [one for one in json.loads(result.output) if one["what"] == "alerts"]
    assert finding["state"] == "error"
    assert "address 2 (bogus://…) cannot be read" in finding["text"]
    assert KEY not in result.output


def test_a_missing_night_is_an_exit_code_for_cron_and_an_alert_if_that_is_asked_for(
    told: Services, tmp_path: Path
) -> None:
    told.heard.clear()
    address = {"MAINSTAY_NOTIFY_URLS": told.address("json")}
    result = mainstay(tmp_path, "status", "--check", **address)
    assert result.exit_code == 1
    assert "is not published: nothing is published yet" in " ".join(result.output.split())
    assert told.heard == []
    result = mainstay(tmp_path, "status", "--check", "--tell", "--json", **address)
    assert result.exit_code == 1
    assert json.loads(result.output)["stale"] is True
    assert len(told.heard) == 1
    says_one_thing(mainstay(tmp_path, "status", "--tell"), 2, "--tell goes with --check")


def test_a_night_that_does_not_come_to_its_dag_is_told_too(told: Services, tmp_path: Path) -> None:
    told.heard.clear()
    result = mainstay(tmp_path, "nightly", MAINSTAY_NOTIFY_URLS=told.address("json"))
    assert result.exit_code == 3
    [alert] = told.texts()
    assert "failed at history" in alert
    assert "no transactions file is landed" in alert
    assert "(exit code 3)" in alert
