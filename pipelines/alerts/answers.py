"""What a service answered: chat services say HTTP 200 also of a message that they refuse, with the reason in the answer.

Apprise reads that of some services (Feishu, Lark, Slack) and goes by HTTP's status at others (DingTalk, WeCom, JSON webhooks).
Its plugins call `requests.post` and keep the answer to themselves; so while one sends, `requests` lets us listen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import requests

_MUST_SAY = {"dingtalk": "errcode", "wecombot": "errcode", "feishu": "code", "lark": "code"}
"""Services that always say in their answer how it went: without that it is somebody else's, say a proxy's login page."""

_heard: ContextVar[list[requests.Response | Exception] | None] = ContextVar("heard", default=None)
_send = requests.Session.send


def _listening_send(session: requests.Session, request: Any, **options: Any) -> requests.Response:
    heard = _heard.get()
    try:
        response = _send(session, request, **options)
    except Exception as error:
        if heard is not None:
            heard.append(error)
        raise
    if heard is not None:
        heard.append(response)
    return response


@contextmanager
def listening() -> Iterator[list[Any]]:
    """Gives the list that takes the answers to what the block sends, and what failed before there was one."""
    # Once for all: where nobody listens it only passes on what it is given.
    requests.Session.send = _listening_send  # type: ignore[method-assign,assignment]
    heard: list[Any] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def fault(scheme: str, heard: list[Any]) -> str | None:
    """Why the message was not taken by what was heard last, or None where nothing speaks against it."""
    if not heard:
        return None
    last = heard[-1]
    if isinstance(last, Exception):
        # The class alone: the message may hold the address, which is a secret.
        return type(last).__name__
    if not last.ok:
        return f"HTTP {last.status_code}" + (f", {said}" if (said := _said(_json(last))) else "")
    return _fault_in(scheme, last)


def _fault_in(scheme: str, response: requests.Response) -> str | None:
    answer = _json(response)
    key = _MUST_SAY.get(scheme)
    if key and key not in answer:
        return f"the answer (HTTP {response.status_code}) is not of that service: it has no {key}"
    wrong = [
        f"{name} {answer[name]}"
        for name, is_wrong in (
            ("errcode", lambda value: str(value) != "0"),
            ("code", _is_error_code),
            ("ok", lambda value: value is False),
            ("success", lambda value: value is False),
            ("error", bool),
        )
        if name in answer and is_wrong(answer[name])
    ]
    if not wrong:
        return None
    said = _said(answer)
    return f"HTTP {response.status_code}, but {wrong[0]}" + (f": {said}" if said else "")


def _is_error_code(value: object) -> bool:
    """Whether a `code` means an error: 0 and 200 are what services call well; words are not judged."""
    text = str(value)
    return text.lstrip("-").isdigit() and int(text) != 0 and not 200 <= int(text) < 300


def _json(response: requests.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _said(answer: dict[str, Any]) -> str:
    """The service's own words."""
    return next((str(answer[key]) for key in ("errmsg", "msg", "message", "error") if answer.get(key)), "")
