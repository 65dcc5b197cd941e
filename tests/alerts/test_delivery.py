"""Alerts on their way: each service takes them, a refusal with HTTP 200 is one, and no secret is ever said."""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from services_double import KEY, REFUSED, TAKEN, Services, bring_here, certificate, mail_server, services

from pipelines.alerts import send as sending
from pipelines.alerts.addresses import require_addresses
from pipelines.alerts.message import Message
from pipelines.alerts.send import Delivery
from pipelines.settings import PROJECT_DIR, Settings

TEXT = "transactions 2026-03-01: 3 of 9 rows ‹b› & 隔离\nSee `mainstay quarantine list`"
MESSAGE = Message("failed", "Mainstay: load failed · 失败", TEXT, "… cut")
SERVICES = sorted(TAKEN)


@pytest.fixture(scope="module")
def server() -> Iterator[Services]:
    with services() as found:
        yield found


@pytest.fixture
def world(server: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Services:
    bring_here(monkeypatch, server.port)
    caplog.set_level(logging.DEBUG)  # what a deployment with logging at its most talkative would write
    server.heard.clear()
    server.paths.clear()
    server.answers, server.status, server.slow_seconds = dict(TAKEN), 200, 0.0
    return server


def _send(*addresses: str, message: Message = MESSAGE) -> list[Delivery]:
    return sending.send(Settings(notify_urls=" ".join(addresses)), [message])


def _says_no_secret(caplog: pytest.LogCaptureFixture, deliveries: list[Delivery]) -> None:
    said = caplog.text + repr(deliveries) + "".join(d.in_words() for d in deliveries)
    assert caplog.text
    for secret in (KEY, "TIiajkdnlazkcOXrIdevi7"):
        assert secret not in said


def test_every_service_takes_an_alert_with_its_title_and_text(
    world: Services, caplog: pytest.LogCaptureFixture
) -> None:
    deliveries = _send(*(world.address(name) for name in SERVICES))
    assert [d.arrived for d in deliveries] == [True] * len(SERVICES)
    assert sorted(name for name, _ in world.heard) == SERVICES
    for text in world.texts():
        assert MESSAGE.title in text
        assert "隔离" in text
        assert "`mainstay quarantine list`" in text
    assert sum(KEY in path for path in world.paths) >= len(SERVICES) - 2
    _says_no_secret(caplog, deliveries)


@pytest.mark.parametrize("service", sorted(REFUSED))
def test_an_answer_of_200_with_an_error_code_in_it_is_a_failure_that_is_logged(
    service: str, world: Services, caplog: pytest.LogCaptureFixture
) -> None:
    world.answers[service] = REFUSED[service]
    [delivery] = _send(world.address(service))
    assert not delivery.arrived
    words = next(
        str(REFUSED[service][key]) for key in ("errmsg", "msg", "message", "error") if key in REFUSED[service]
    )
    assert words in (delivery.reason or "")
    [record] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert "the alert failed did not arrive at address 1" in record.getMessage()
    assert words in record.getMessage()
    _says_no_secret(caplog, [delivery])


@pytest.mark.parametrize("answer", ["<html>Please log in</html>", '{"hello": "world"}', "", "[1]"])
@pytest.mark.parametrize("service", ["dingtalk", "wecombot", "feishu", "lark"])
def test_an_answer_that_is_not_of_the_service_is_a_failure(
    service: str, answer: str, world: Services
) -> None:
    world.answers[service] = answer
    [delivery] = _send(world.address(service))
    assert "is not of that service" in (delivery.reason or "")


@pytest.mark.parametrize(
    ("answer", "arrived"),
    [
        ("", True),
        ("thanks", True),
        ({"code": 0}, True),
        ({"code": "200"}, True),
        ({"code": "SUCCESS"}, True),
        ({"ok": True, "error": None}, True),
        ({"code": 500}, False),
        ({"errcode": "40001"}, False),
        ({"ok": False}, False),
        ({"error": {"why": "because"}}, False),
    ],
)
def test_what_a_webhook_answers_is_read(answer: Any, arrived: bool, world: Services) -> None:
    world.answers["json"] = answer
    [delivery] = _send(world.address("json"))
    assert delivery.arrived is arrived


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_server_that_refuses_is_a_failure_with_its_status(
    status: int, world: Services, caplog: pytest.LogCaptureFixture
) -> None:
    world.status = status
    deliveries = _send(world.address("dingtalk"), world.address("json"), world.address("lark"))
    assert [d.arrived for d in deliveries] == [False] * 3
    assert all(str(status) in (d.reason or "") for d in deliveries)
    _says_no_secret(caplog, deliveries)


def test_a_connection_that_is_refused_is_a_failure_and_names_no_address(
    world: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    bring_here(monkeypatch, port)
    deliveries = _send(
        *(world.address(name, port) for name in SERVICES),
        f"mailto://127.0.0.1:{port}/?from=a@b.cn&to={KEY}@b.cn",
    )
    assert [d.arrived for d in deliveries] == [False] * (len(SERVICES) + 1)
    assert all("Connection" in (d.reason or "") for d in deliveries), deliveries
    _says_no_secret(caplog, deliveries)


def test_a_slow_server_holds_up_neither_the_night_nor_the_others(
    world: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sending, "PATIENCE_SECONDS", 1.0)
    with services() as slow:
        slow.slow_seconds = 3.0
        before = set(threading.enumerate())
        began = time.monotonic()
        deliveries = _send(slow.address("json"), world.address("dingtalk"))
        took = time.monotonic() - began
        waiting = set(threading.enumerate()) - before
        assert all(thread.daemon for thread in waiting), "they would keep the process from ending"
    assert [d.arrived for d in deliveries] == [False, True]
    assert took < 2.5
    assert deliveries[0].reason == "no answer within 1 s"
    _says_no_secret(caplog, deliveries)


def test_an_address_that_apprise_does_not_know_is_said_by_number_and_hides_no_other(
    world: Services, caplog: pytest.LogCaptureFixture
) -> None:
    deliveries = _send(f"bogus://{KEY}", world.address("json"), f"msteams://{KEY}/a/b")
    assert [d.arrived for d in deliveries] == [False, True, False]
    assert "address 1 (bogus://…) cannot be read" in (deliveries[0].reason or "")
    _says_no_secret(caplog, deliveries)


def test_mail_arrives_with_its_subject_and_markup_is_text(world: Services) -> None:
    with mail_server() as box:
        [delivery] = _send(f"mailto://127.0.0.1:{box.port}/?from=mainstay@example.com&to=night@example.com")
    assert delivery.arrived, delivery
    [mail] = box.mails
    assert mail["To"] == "night@example.com"
    assert str(make_header(decode_header(mail["Subject"]))) == MESSAGE.title
    payloads = [part.get_payload(decode=True) for part in mail.walk()]
    parts = [payload.decode() for payload in payloads if isinstance(payload, bytes)]
    assert any("mainstay quarantine list" in part for part in parts)


def test_a_mail_that_is_refused_is_a_failure(world: Services, caplog: pytest.LogCaptureFixture) -> None:
    with mail_server() as box:
        box.refuses = True
        [delivery] = _send(f"mailto://127.0.0.1:{box.port}/?from=mainstay@example.com&to={KEY}@example.com")
    assert not delivery.arrived
    assert delivery.reason
    _says_no_secret(caplog, [delivery])


def test_wecom_gets_no_more_bytes_than_it_takes_and_says_that_it_was_cut(world: Services) -> None:
    long = Message("failed", "Mainstay", "\n".join(["一行很长的文字" * 4] * 60), "… cut here")
    deliveries = _send(*(world.address(name) for name in ("wecombot", "dingtalk", "feishu")), message=long)
    assert all(d.arrived for d in deliveries)
    heard = dict(world.heard)
    text = heard["wecombot"]["text"]["content"]
    assert len(text.encode()) <= 2048
    assert text.endswith("字\n… cut here")
    assert text.startswith("Mainstay\n一行")
    assert heard["dingtalk"]["text"]["content"].endswith("文字")


def _documented() -> list[str]:
    text = (PROJECT_DIR / "docs" / "alerts.md").read_text(encoding="utf-8")
    blocks = re.findall(r"<!-- addresses -->\n```text\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 7
    return [line for block in blocks for line in block.splitlines()]


def test_every_address_in_the_docs_is_one(world: Services) -> None:
    found = require_addresses(Settings(notify_urls=" ".join(_documented())))
    kinds = {address.scheme for address in found}
    assert kinds == {
        "dingtalk",
        "wecombot",
        "feishu",
        "lark",
        "slack",
        "workflow",
        "workflows",
        "mailtos",
        "mailto",
        "jsons",
        "json",
    }
    mails = [address.plugin for address in found if address.scheme.startswith("mailto")]
    assert [(mail.secure_mode, mail.port) for mail in mails] == [
        ("ssl", 465),
        ("starttls", 587),
        ("insecure", 25),
    ]
    assert [len(mail.targets) for mail in mails] == [2, 1, 1]
    [signed] = [address.plugin for address in found if getattr(address.plugin, "secret", None)]
    assert signed.secret == "SEC0123456789abcdef"


def test_a_signed_message_to_dingtalk_has_its_signature(world: Services) -> None:
    [delivery] = _send(f"dingtalk://SEC0123456789@{KEY}")
    assert delivery.arrived
    assert "&sign=" in world.paths[0]
    assert "&timestamp=" in world.paths[0]


def test_the_webhook_that_wecom_shows_is_an_address_of_wecom(world: Services) -> None:
    world.answers["wecombot"] = REFUSED["wecombot"]
    [delivery] = _send(f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={KEY}")
    assert delivery.address == "address 1 (wecombot://…)"
    assert "errcode 93000" in (delivery.reason or "")


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_teams_takes_a_card(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    long = Message("failed", "Mainstay: 失败", "a line of some length\n" * 90, "… cut")
    with services(certificate(tmp_path)) as teams:
        teams.status = 202
        [delivery] = _send(f"workflows://127.0.0.1:{teams.port}/{KEY}/{KEY}?verify=no", message=long)
    assert delivery.arrived, delivery
    [(_, payload)] = teams.heard
    [card] = payload["attachments"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    text = json.dumps(card, ensure_ascii=False)
    assert "Mainstay: 失败" in text
    assert "… cut" in text
    assert len(text) < 2_000
    _says_no_secret(caplog, [delivery])


def test_without_an_address_nothing_is_sent() -> None:
    assert sending.send(Settings(), [MESSAGE]) == []
