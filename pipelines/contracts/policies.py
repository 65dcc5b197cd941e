"""The loyalty manager's policy files: read, checked, and refused with a clear sentence when wrong."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from pipelines.contracts import canonical_contracts
from pipelines.contracts.policy_rows import policy_rows
from pipelines.contracts.programmes import CareRule, care_rules, check_points
from pipelines.contracts.seeds import check_loaded, policy_file
from pipelines.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings

RESERVED_TIERS = {"all", "anonymous", "new", "lapsed", "none"}
"""Tier codes and groups that the models give themselves."""

DEFECTION_REASONS = (
    "service_problem",
    "habit_change",
    "competitor",
    "price",
    "inconvenience",
    "moved_away",
)
"""Why a customer leaves, as `defections` names it; `unknown` is what is left."""


@dataclass(frozen=True)
class Tier:
    """One tier of the policy from `valid_from` on; `lower_bound` is average monthly spend, inclusive."""

    valid_from: date
    tier: str
    label_zh: str
    label_en: str
    tier_rank: int
    lower_bound: Decimal


@dataclass(frozen=True)
class Policies:
    """All policy files of a deployment, checked."""

    tiers: tuple[Tier, ...]
    margin_rates: dict[str, float]
    peer_attribute_levels: list[list[str]]
    """Attributes of dim_customers per level, finest first."""
    defection_topics: dict[str, str]
    """Reason to leave that a feedback's topic names; other topics name none."""
    care_rules: tuple[CareRule, ...]
    """Who is contacted how, and when in the cycle."""


def read_policies(settings: Settings) -> Policies:
    """Read and check every policy file.

    Raises:
        SettingsError: a file is missing or wrong; the text names file, line and the way out.
    """
    folder, scale = settings.policies, settings.amount_scale
    tiers = _tiers(folder / "tier_policy.csv", scale)
    groups = {tier.tier for tier in tiers} | {"new"}
    check_points(settings, groups)
    return Policies(
        tiers=tiers,
        margin_rates=_margin_rates(folder / "margin_rates.csv", scale),
        peer_attribute_levels=_peer_levels(folder / "peer_attributes.csv", scale),
        defection_topics=_defection_topics(policy_file(settings, "defection_topics"), scale),
        care_rules=care_rules(settings, groups),
    )


def _tiers(path: Path, scale: int) -> tuple[Tier, ...]:
    tiers: dict[date, list[tuple[int, Tier]]] = defaultdict(list)
    rows = policy_rows(path, scale)
    for line, row in rows:
        tier = Tier(**row)
        if not tier.tier or tier.tier in RESERVED_TIERS:
            raise SettingsError(
                f"{path}:{line}: tier code {tier.tier!r} cannot be used; {', '.join(sorted(RESERVED_TIERS))} are reserved"
            )
        if not tier.label_zh or not tier.label_en:
            raise SettingsError(f"{path}:{line}: tier {tier.tier} has no label; give label_zh and label_en")
        if tier.lower_bound < 0:
            raise SettingsError(
                f"{path}:{line}: the lower bound {tier.lower_bound} of {tier.tier} is no amount of 0 or more"
            )
        tiers[tier.valid_from].append((line, tier))
    if not tiers:
        raise SettingsError(f"{path}: no tiers; name at least one with lower bound 0")
    for valid_from, members in tiers.items():
        _check_tier_set(path, valid_from, members)
    check_loaded(path, rows, scale)
    return tuple(
        tier for day in sorted(tiers) for _, tier in sorted(tiers[day], key=lambda r: r[1].tier_rank)
    )


def _check_tier_set(path: Path, valid_from: date, rows: list[tuple[int, Tier]]) -> None:
    """Codes and ranks once each, ranks 1 to n, bounds falling with the rank, the lowest at 0."""
    codes = [tier.tier for _, tier in rows]
    for line, tier in rows:
        if codes.count(tier.tier) > 1:
            raise SettingsError(
                f"{path}:{line}: tier {tier.tier} stands twice in the policy of {valid_from}; keep one"
            )
    ordered = sorted(rows, key=lambda row: row[1].tier_rank)
    ranks = [tier.tier_rank for _, tier in ordered]
    if ranks != list(range(1, len(ranks) + 1)):
        raise SettingsError(
            f"{path}: the policy of {valid_from} has the ranks {', '.join(map(str, ranks))}; "
            f"they must run 1 (best) to {len(ranks)}, each once"
        )
    for (_, better), (line, worse) in pairwise(ordered):
        if better.lower_bound <= worse.lower_bound:
            raise SettingsError(
                f"{path}:{line}: bounds overlap: {worse.tier} (rank {worse.tier_rank}) starts at {worse.lower_bound}, "
                f"not below {better.tier} (rank {better.tier_rank}) at {better.lower_bound}"
            )
    line, lowest = ordered[-1]
    if lowest.lower_bound != 0:
        raise SettingsError(
            f"{path}:{line}: the lowest tier {lowest.tier} starts at {lowest.lower_bound}; it must start at 0"
        )


def _margin_rates(path: Path, scale: int) -> dict[str, float]:
    rates: dict[str, float] = {}
    rows = policy_rows(path, scale)
    for line, row in rows:
        rate = row["margin_rate"]
        if not -1 <= rate <= 1:
            raise SettingsError(
                f"{path}:{line}: margin rate {rate} is no share between -1 and 1 (a quarter is 0.25)"
            )
        if not row["category"] or row["category"] in rates:
            raise SettingsError(f"{path}:{line}: category {row['category']!r} is empty or stands twice")
        rates[row["category"]] = float(rate)  # six decimals: a double tells them all apart
    check_loaded(path, rows, scale)
    return rates


def _peer_levels(path: Path, scale: int) -> list[list[str]]:
    known = [
        c.name
        for c in canonical_contracts()["customers"].columns
        if not c.is_personal and c.key_position is None
    ]
    levels: dict[int, list[str]] = defaultdict(list)
    rows = policy_rows(path, scale)
    for line, row in rows:
        if row["level"] == 0:
            raise SettingsError(f"{path}:{line}: level 0 is no level; they count from 1 (finest)")
        if row["attribute"] not in known:
            raise SettingsError(
                f"{path}:{line}: {row['attribute']!r} is no customer attribute; use {', '.join(known)}"
            )
        if row["attribute"] in levels[row["level"]]:
            raise SettingsError(f"{path}:{line}: {row['attribute']} stands twice in level {row['level']}")
        levels[row["level"]].append(row["attribute"])
    if sorted(levels) != list(range(1, len(levels) + 1)):
        raise SettingsError(
            f"{path}: levels are {sorted(levels)}; they must run 1, 2, 3 … from finest to coarsest"
        )
    check_loaded(path, rows, scale)
    return [levels[level] for level in sorted(levels)]


def _defection_topics(path: Path, scale: int) -> dict[str, str]:
    reasons: dict[str, str] = {}
    rows = policy_rows(path, scale)
    for line, row in rows:
        topic, reason = row["topic"], row["reason"]
        if not topic:
            raise SettingsError(f"{path}:{line}: the topic is empty; name one, or take the line out")
        if topic in reasons:
            raise SettingsError(f"{path}:{line}: topic {topic} stands twice; keep one")
        if reason not in DEFECTION_REASONS:
            raise SettingsError(
                f"{path}:{line}: {reason!r} is no reason; use {', '.join(DEFECTION_REASONS)}, or take the line out where "
                "the topic says nothing"
            )
        reasons[topic] = reason
    check_loaded(path, rows, scale)
    return reasons
