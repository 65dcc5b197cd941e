"""How many of each mart's expectations are checked: all, but where `shortening` says fewer, here and in forked processes.

Always imported by this one name, as it is one dictionary that is told on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines.validate import suites

if TYPE_CHECKING:
    from pipelines.contracts import MartContract

MART_CHECKS = {"each": 0}
"""The first so many of each mart; 0 is all."""

_whole = suites.mart_suite


def _shortened(contract: MartContract) -> suites.Suite:
    suite = _whole(contract)
    return replace(suite, checks=suite.checks[: MART_CHECKS["each"] or None])


suites.mart_suite = _shortened
