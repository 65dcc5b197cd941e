"""Is everything in place for a night? Environment, versions, contracts, policies, locks, disk, warehouse."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import duckdb
import typer
from rich.markup import escape

from pipelines.cli.common import JsonFlag, clear_errors, out, print_json, progress
from pipelines.contracts import mart_contracts, source_contracts
from pipelines.errors import MainstayError
from pipelines.lock import holder, is_locked
from pipelines.policies import read_policies
from pipelines.publish import current
from pipelines.settings import load_settings
from pipelines.sql import connect

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings

PACKAGES = (
    "apache-airflow",
    "dbt-core",
    "dbt-duckdb",
    "duckdb",
    "great-expectations",
    "sqlalchemy",
    "open-data-contract-standard",
)
LOW_DISK_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing looked at: ok, warning or error, and what to do about it."""

    what: str
    state: str
    text: str


def _versions(settings: Settings) -> Finding:
    del settings
    found, missing = [], []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        return Finding("versions", "error", f"not installed: {', '.join(missing)}; install requirements.lock")
    if not ((3, 11) <= sys.version_info[:2] <= (3, 12)):
        return Finding("versions", "error", f"Python {platform.python_version()}; use 3.11 or 3.12")
    return Finding("versions", "ok", f"Python {platform.python_version()}, {', '.join(found)}")


def _home(settings: Settings) -> Finding:
    settings.var.mkdir(parents=True, exist_ok=True)
    probe = settings.var / f".write-test-{os.getpid()}"
    try:
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        return Finding("home", "error", f"{settings.var} cannot be written: {error.strerror}")
    return Finding("home", "ok", f"{settings.home.resolve()}, {settings.timezone}, {settings.currency}")


def _contracts(settings: Settings) -> Finding:
    sources = source_contracts(settings)
    return Finding(
        "contracts", "ok", f"{len(sources)} sources in {settings.contracts}, {len(mart_contracts())} marts"
    )


def _policies(settings: Settings) -> Finding:
    policies = read_policies(settings)
    return Finding("policies", "ok", f"{len({t.tier for t in policies.tiers})} tiers in {settings.policies}")


def _landing(settings: Settings) -> Finding:
    if not settings.landing.is_dir():
        return Finding(
            "landing", "warning", f"{settings.landing} is not there; land your exports or run `mainstay demo`"
        )
    from pipelines.land import landed_dates

    dates = landed_dates(settings, source_contracts(settings)["transactions"])
    if not dates:
        return Finding("landing", "warning", f"no transactions file below {settings.landing}")
    return Finding("landing", "ok", f"{len(dates):,} dates of transactions, {dates[0]} to {dates[-1]}")


def _lock(settings: Settings) -> Finding:
    if is_locked(settings):
        who = holder(settings) or {}
        return Finding(
            "lock",
            "warning",
            f"held by process {who.get('pid')} on {who.get('host')}: {who.get('step')} since {who.get('since')}",
        )
    return Finding("lock", "ok", "free")


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.var).free
    state = "warning" if free < LOW_DISK_BYTES else "ok"
    return Finding("disk", state, f"{free / 1024**3:.1f} GiB free below {settings.var}")


def _warehouse(settings: Settings) -> Finding:
    if not settings.warehouse.exists():
        return Finding("warehouse", "ok", "not there yet; the first load makes it")
    if is_locked(settings):
        return Finding("warehouse", "warning", "being written; look again later")
    try:
        with closing(connect(settings)) as connection:
            tables = connection.execute(
                "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
            ).fetchall()
            for schema, table in tables:
                connection.execute(f'SELECT count(COLUMNS(*)) FROM "{schema}"."{table}"').fetchall()
    except duckdb.Error as error:
        return Finding(
            "warehouse",
            "error",
            f"{settings.warehouse} cannot be read ({str(error).splitlines()[0]}). Move it away and run `mainstay nightly`: "
            "it is rebuilt from the landing files",
        )
    return Finding(
        "warehouse", "ok", f"{len(tables)} tables, {settings.warehouse.stat().st_size / 1024**2:,.1f} MiB"
    )


def _serving(settings: Settings) -> Finding:
    published = current(settings)
    if published is None:
        return Finding("serving", "ok", "nothing published yet")
    return Finding("serving", "ok", f"{published.version} as of {published.as_of_date}")


def _leftover_wal(path: Path) -> bool:
    return path.with_name(path.name + ".wal").exists()


CHECKS: tuple[Callable[[Settings], Finding], ...] = (
    _versions,
    _home,
    _contracts,
    _policies,
    _landing,
    _lock,
    _disk,
    _warehouse,
    _serving,
)


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; a check that raises is an error with its sentence."""
    findings = []
    for check in CHECKS:
        try:
            findings.append(check(settings))
        except (MainstayError, OSError) as error:
            findings.append(Finding(check.__name__.strip("_"), "error", str(error)))
    if _leftover_wal(settings.serving / "marts.duckdb"):
        findings.append(
            Finding(
                "serving",
                "error",
                f"a stale {settings.serving / 'marts.duckdb.wal'} lies beside the serving file; publish again",
            )
        )
    return findings


@clear_errors
def doctor(as_json: JsonFlag = False) -> None:
    """Check environment, versions, contracts, policies, locks, disk and warehouse. Exits 1 if something is wrong."""
    settings = load_settings()
    with progress("doctor", quiet=as_json):
        findings = examine(settings)
    if as_json:
        print_json([vars(f) for f in findings])
    else:
        colours = {"ok": "green", "warning": "yellow", "error": "bold red"}
        for finding in findings:
            out.print(
                f"[{colours[finding.state]}]{finding.state:8}[/] {finding.what:10} {escape(finding.text)}",
                soft_wrap=True,
            )
    if any(f.state == "error" for f in findings):
        raise typer.Exit(1)
