"""Everything that `mainstay doctor` looks at, each by a function that gives a finding, or some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.cli.examine import environment, landing, serving, warehouse
from pipelines.cli.examine.finding import Finding
from pipelines.errors import LockedError, MainstayError
from pipelines.warehouse.faults import explained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipelines.settings import Settings

CHECKS: tuple[Callable[[Settings], Finding | Iterable[Finding]], ...] = (
    environment.look_at_versions,
    environment.look_at_home,
    environment.look_at_contracts,
    environment.look_at_policies,
    landing.look_at_landing,
    landing.look_at_sample,
    landing.look_at_unmatched,
    landing.look_at_gaps,
    environment.look_at_lock,
    environment.look_at_rights,
    environment.look_at_disk,
    environment.look_at_engine,
    warehouse.look_at_warehouse,
    warehouse.look_at_ledger,
    warehouse.look_at_keys,
    warehouse.look_at_removed,
    serving.look_at_serving,
    serving.look_at_postgres,
    serving.look_at_alerts,
)


def examine(settings: Settings, say: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """Look at everything; a check that raises is an error with its sentence. `say` hears what is being looked at."""
    findings: list[Finding] = []
    said: dict[str, str] = {}
    for check in CHECKS:
        name = check.__name__.removeprefix("look_at_")
        say(name)
        try:
            found = check(settings)
            findings += [found] if isinstance(found, Finding) else found
        except LockedError as error:
            findings.append(Finding(name, "warning", f"look again later: {error}"))
        except (MainstayError, OSError) as error:
            text = str(explained(settings, error) or error)
            if text in said:  # a wrong contract stops most checks; it is said once
                findings.append(Finding(name, "warning", f"not looked at, because of {said[text]}"))
            else:
                findings.append(Finding(name, "error", text))
                said[text] = name
    if log := serving.look_at_log(settings):
        findings.append(log)
    return findings


__all__ = ["CHECKS", "Finding", "examine"]
