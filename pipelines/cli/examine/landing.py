"""The landing folder: what is in it, what would be loaded, what is missing or misnamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.cli.examine.finding import Finding
from pipelines.contracts import source_contracts
from pipelines.land import landed_dates, unmatched
from pipelines.load.sample import read_sample

if TYPE_CHECKING:
    from pipelines.settings import Settings


def look_at_landing(settings: Settings) -> Finding:
    """Whether transactions are landed, and of which dates."""
    if not settings.landing.is_dir():
        return Finding(
            "landing", "warning", f"{settings.landing} is not there; land your exports or run `mainstay demo`"
        )
    dates = landed_dates(settings, source_contracts(settings)["transactions"])
    if not dates:
        return Finding("landing", "warning", f"no transactions file below {settings.landing}")
    return Finding("landing", "ok", f"{len(dates):,} dates of transactions, {dates[0]} to {dates[-1]}")


def look_at_sample(settings: Settings) -> Finding:
    """What the newest landed file of each dataset would give; every expression and rule is run on it, beside the warehouse."""
    good, bad = [], []
    for name, contract in source_contracts(settings).items():
        sample = read_sample(settings, contract)
        if sample is None:
            continue
        good.append(f"{name} {sample.rows - sample.broken - sample.not_ours:,} of {sample.rows:,} rows")
        if sample.broken > sample.rows * contract.tolerated_reject_rate:
            bad.append(
                f"{sample.path}: {sample.broken:,} of {sample.rows:,} rows break the contract: {'; '.join(sample.reasons)}"
            )
    if bad:
        return Finding("sample", "warning", ". ".join(bad))
    return Finding(
        "sample", "ok", f"would load: {', '.join(good)}" if good else "no file small enough is landed"
    )


def look_at_unmatched(settings: Settings) -> Finding:
    """Whether every landed file is some dataset's: a misnamed one is not missed until its figures are."""
    files = unmatched.unmatched_files(settings)
    if files:
        return Finding("unmatched", "warning", unmatched.told(settings, files))
    return Finding("unmatched", "ok", "every landed file is where a contract looks for it")


def look_at_gaps(settings: Settings) -> Finding:
    """Whether dates are missing between landed ones."""
    found = unmatched.landing_gaps(settings)
    if not found:
        return Finding("gaps", "ok", "no date is missing between landed ones but closed days")
    said = "; ".join(f"{name} {unmatched.spans(days)}" for name, days in found.items())
    return Finding(
        "gaps",
        "warning",
        f"no file between landed dates: {said}. Land them, or declare days without sales in closed_days",
    )
