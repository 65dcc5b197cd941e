"""The policies of the programmes: whom we contact when, and what points are earned and worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.contracts.policy_rows import policy_rows
from pipelines.contracts.seeds import check_loaded, policy_file
from pipelines.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pipelines.settings import Settings

ALL = "all"
"""In place of a tier or a category: each that has no row of its own."""

CYCLE_KINDS = ("message", "call", "long_call")
"""Contacts that are due on a day of the care cycle."""

ANNIVERSARY_KINDS = ("review", "birthday")
"""Contacts that are due once a year, on a day of the customer's own."""

BY_PHONE = ("call", "long_call")

MOST = 999
"""Rates, multipliers and values above this are a slip: their columns hold three digits before the point."""


@dataclass(frozen=True)
class CareRule:
    """One contact of the care policy: customers of `tier` are contacted so on `day` of each cycle, from 1 on."""

    tier: str
    contact_kind: str
    day: int
    channel: str


def care_rules(settings: Settings, tiers: Collection[str]) -> tuple[CareRule, ...]:
    """Read and check `care_policy.csv`.

    Args:
        settings: The deployment.
        tiers: The tiers that there are, `new` among them.

    Raises:
        SettingsError: the file is wrong; the text names file, line and the way out.
    """
    path, scale = policy_file(settings, "care_policy"), settings.amount_scale
    rows = policy_rows(path, scale)
    rules = tuple(CareRule(**row) for _, row in rows)
    seen: set[tuple[str, str, int]] = set()
    for (line, _), rule in zip(rows, rules, strict=True):
        _require_tier(path, line, rule.tier, {ALL, "lapsed", *tiers})
        if rule.contact_kind not in (*CYCLE_KINDS, *ANNIVERSARY_KINDS):
            raise SettingsError(
                f"{path}:{line}: {rule.contact_kind!r} is no kind of contact; "
                f"use {', '.join((*CYCLE_KINDS, *ANNIVERSARY_KINDS))}"
            )
        if rule.contact_kind in ANNIVERSARY_KINDS and rule.day != 0:
            raise SettingsError(
                f"{path}:{line}: a {rule.contact_kind} is due on its anniversary: write day 0, not {rule.day}"
            )
        if rule.contact_kind in CYCLE_KINDS and not 1 <= rule.day <= settings.care_cycle_days:
            raise SettingsError(
                f"{path}:{line}: day {rule.day} is no day of the cycle; they run 1 to {settings.care_cycle_days} "
                "(MAINSTAY_CARE_CYCLE_DAYS)"
            )
        if not rule.channel:
            raise SettingsError(f"{path}:{line}: the channel is empty; name one, such as message or phone")
        if rule.contact_kind in BY_PHONE and rule.channel != "phone":
            raise SettingsError(
                f"{path}:{line}: a {rule.contact_kind} goes by phone, not {rule.channel}; write phone"
            )
        key = (rule.tier, rule.contact_kind, rule.day)
        if key in seen:
            raise SettingsError(
                f"{path}:{line}: {rule.contact_kind} on day {rule.day} stands twice for tier {rule.tier}; keep one"
            )
        seen.add(key)
    check_loaded(path, rows, scale)
    return rules


def check_points(settings: Settings, tiers: Collection[str]) -> None:
    """Check the three policies of the points programme.

    Args:
        settings: The deployment.
        tiers: The tiers that there are, `new` among them.

    Raises:
        SettingsError: a file is wrong; the text names file, line and the way out.
    """
    _dated(settings, "points_rates", "category", "points_per_currency_unit")
    path, rows = _dated(settings, "points_multipliers", "tier", "multiplier")
    for line, row in rows:
        _require_tier(path, line, row["tier"], {"lapsed", *tiers})
    path, rows = _dated(settings, "points_expectations", None, "points_value")
    for line, row in rows:
        if not 0 <= row["expected_redemption_rate"] <= 1:
            raise SettingsError(
                f"{path}:{line}: expected redemption rate {row['expected_redemption_rate']} is no share between 0 and 1 "
                "(nine tenths are 0.9)"
            )


def _dated(
    settings: Settings, name: str, group: str | None, figure: str
) -> tuple[Path, list[tuple[int, dict[str, Any]]]]:
    """The file of a policy with dates, and its rows: each group once a day, the figure 0 or more."""
    path, scale = policy_file(settings, name), settings.amount_scale
    rows = policy_rows(path, scale)
    seen = set()
    for line, row in rows:
        if group and not row[group]:
            raise SettingsError(f"{path}:{line}: the {group} is empty; name one")
        if not 0 <= row[figure] <= MOST:
            raise SettingsError(f"{path}:{line}: {figure} {row[figure]} is not between 0 and {MOST}")
        key = (row["valid_from"], row[group] if group else None)
        if key in seen:
            of = f" for {row[group]}" if group else ""
            raise SettingsError(f"{path}:{line}: {row['valid_from']} stands twice{of}; keep one")
        seen.add(key)
    check_loaded(path, rows, scale)
    return path, rows


def _require_tier(path: Path, line: int, tier: str, known: Collection[str]) -> None:
    if tier not in known:
        raise SettingsError(
            f"{path}:{line}: {tier!r} is no tier of tier_policy.csv; use {', '.join(sorted(known))}"
        )
