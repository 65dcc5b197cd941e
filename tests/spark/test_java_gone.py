"""The Java of a process has ended, as the system ends the largest one: steps say so, and not that a connection was refused."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import pytest

from pipelines.errors import BuildError, EngineError, ProcessKilledError
from pipelines.settings import Settings
from pipelines.warehouse.faults import database_errors, explained
from pipelines.warehouse.spark.session import _active

DEPLOYMENT = Settings(engine="spark")


def refused() -> None:
    """As py4j raises it when nobody listens any more."""
    raise ConnectionRefusedError(111, "Connection refused")


def test_a_call_to_java_that_is_gone_is_told_as_a_process_that_ended() -> None:
    call = FunctionType(refused.__code__, {**globals(), "__name__": "py4j.clientserver"})
    with pytest.raises(ProcessKilledError, match="run the same command again"), database_errors(DEPLOYMENT):
        call()


def test_a_connection_to_somebody_else_is_not_taken_for_it() -> None:
    with pytest.raises(ConnectionRefusedError), database_errors(DEPLOYMENT):
        refused()


def test_what_dbt_says_of_it_is_told_the_same() -> None:
    known = explained(DEPLOYMENT, BuildError("model dim_tiers: [Errno 111] Connection refused"))
    assert isinstance(known, ProcessKilledError)


@pytest.mark.parametrize("dies", ["getActiveSession", "conf"])
def test_the_next_step_of_the_process_says_that_a_new_one_is_needed(dies: str) -> None:
    class Session:
        @classmethod
        def getActiveSession(cls) -> Any:
            return cls() if dies == "conf" else refused()

        @property
        def conf(self) -> Any:
            return refused()

    with pytest.raises(EngineError, match=r"has ended.*run the same command again"):
        _active(Session)


def test_a_process_without_a_session_has_none_to_lose() -> None:
    class Session:
        @classmethod
        def getActiveSession(cls) -> None:
            return None

    assert _active(Session) is None
