"""Is everything in place for a night? Environment, versions, contracts, policies, locks, disk, warehouse."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import duckdb
import typer
from rich.markup import escape

from pipelines.cli.common import JsonFlag, clear_errors, out, print_json, progress, reuse_in_words
from pipelines.contracts import mart_contracts, source_contracts
from pipelines.contracts.policies import read_policies
from pipelines.errors import LockedError, MainstayError, PublishError
from pipelines.publish import current
from pipelines.publish.catalog import damage, read_manifest, versions_folder
from pipelines.quoting import ident
from pipelines.settings import load_settings
from pipelines.warehouse.faults import database_errors, explained
from pipelines.warehouse.lock import holder, is_locked
from pipelines.warehouse.looking import briefly, looking
from pipelines.warehouse.reconcile import mismatches, told
from pipelines.warehouse.rights import out_of_reach, private_folder, too_open
from pipelines.warehouse.standing import held_datasets

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
HELD_SECONDS = 1.0
"""How long the warehouse is held at a time while its tables are read; a table's reading is not cut short."""


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
    private_folder(settings, settings.warehouse.parent)
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
        "contracts",
        "ok",
        f"{len(sources)} sources in {settings.contracts}, {len(mart_contracts(settings))} marts",
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


def _sample(settings: Settings) -> Finding:
    """What the newest landed file of each dataset would give; every expression and rule is run on it, beside the warehouse."""
    from pipelines.load.sample import read_sample

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


def _unmatched(settings: Settings) -> Finding:
    """Whether every landed file is some dataset's: a misnamed one is not missed until its figures are."""
    from pipelines.land import unmatched

    files = unmatched.unmatched_files(settings)
    if files:
        return Finding("unmatched", "warning", unmatched.told(settings, files))
    return Finding("unmatched", "ok", "every landed file is where a contract looks for it")


def _gaps(settings: Settings) -> Finding:
    """Whether dates are missing between landed ones."""
    from pipelines.land import unmatched

    found = unmatched.landing_gaps(settings)
    if not found:
        return Finding("gaps", "ok", "no date is missing between landed ones but closed days")
    said = "; ".join(f"{name} {unmatched.spans(days)}" for name, days in found.items())
    return Finding(
        "gaps",
        "warning",
        f"no file between landed dates: {said}. Land them, or declare days without sales in closed_days",
    )


def _lock(settings: Settings) -> Finding:
    if is_locked(settings):
        who = holder(settings) or {}
        return Finding(
            "lock",
            "warning",
            f"held by process {who.get('pid')} on {who.get('host')}: {who.get('step')} since {who.get('since')}",
        )
    return Finding("lock", "ok", "free")


def _rights(settings: Settings) -> Finding:
    """Whether no more accounts can get at rows, logs and secrets than are meant to, and the marts' readers at the marts."""
    found = too_open(settings)
    if found:
        paths = ", ".join(f"{path} ({bits:04o} instead of {most:04o})" for path, bits, most in found)
        ways = "; ".join(f"chmod {bits & most:04o} {path}" for path, bits, most in found)
        return Finding("rights", "warning", f"more accounts than meant can open {paths}; run `{ways}`")
    if problem := out_of_reach(settings):
        return Finding("rights", "warning", problem)
    group = settings.serving_group or "the owner's group"
    return Finding(
        "rights",
        "ok",
        f"rows, logs and secrets {settings.private_mode}, marts {settings.serving_mode} for {group}",
    )


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.var).free
    state = "warning" if free < LOW_DISK_BYTES else "ok"
    return Finding("disk", state, f"{free / 1024**3:.1f} GiB free below {settings.var}")


@contextmanager
def _looking(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with (
        database_errors(settings),
        looking(briefly(settings), "doctor", on_wait=lambda _: None) as connection,
    ):
        yield connection


def _warehouse(settings: Settings) -> Finding:
    if not settings.warehouse.exists():
        return Finding("warehouse", "ok", "not there yet; the first load makes it")
    with _looking(settings) as connection:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = current_database()"
        ).fetchall()
    left = list(tables)
    while left:
        # Some at a time: a step that begins meanwhile waits for these, not for all.
        with _looking(settings) as connection:
            began = time.monotonic()
            while left and time.monotonic() - began < HELD_SECONDS:
                schema, table = left.pop()
                with suppress(duckdb.CatalogException):  # gone since
                    # Every value of every row: a count would be answered from the statistics, without reading a block.
                    connection.execute(
                        f"SELECT bit_xor(hash(t)) FROM {ident(schema)}.{ident(table)} AS t"
                    ).fetchall()
    return Finding(
        "warehouse", "ok", f"{len(tables)} tables, {settings.warehouse.stat().st_size / 1024**2:,.1f} MiB"
    )


def _ledger(settings: Settings) -> Finding:
    """Whether the file ledger and `raw` agree: the loaded files have the rows that they were loaded with, no other."""
    if not settings.warehouse.exists():
        return Finding("ledger", "ok", "not looked at")
    with _looking(settings) as connection:
        found, rows = mismatches(connection, settings)
    if found:
        return Finding("ledger", "error", told(found))
    return Finding("ledger", "ok", f"{rows:,} rows in raw, each of a file that the ledger knows")


def _keys(settings: Settings) -> Finding:
    """Whether keys came again for something else: each such row has taken an earlier one's place."""
    if not settings.warehouse.exists():
        return Finding("keys", "ok", "not looked at")
    with _looking(settings) as connection:
        found = [
            reuse_in_words(row["dataset"], row["reused"])
            for row in held_datasets(settings, connection)
            if row["reused"]
        ]
    if found:
        return Finding("keys", "warning", "; ".join(found))
    return Finding("keys", "ok", "no key came again for another customer or business date")


def _removed(settings: Settings) -> Finding:
    """Whether the landing folder still has the files of all that is loaded: a rebuild would lose the rest."""
    if not settings.warehouse.exists():
        return Finding("removed", "ok", "not looked at")
    from pipelines.load import missing_partitions

    with _looking(settings):
        missing = missing_partitions(settings, None, None)
    if not missing:
        return Finding("removed", "ok", "every loaded date has its files in landing")
    shown = [f"{name} {day}" for name, days in missing.items() for day in days]
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return Finding(
        "removed",
        "warning",
        f"loaded, but gone from {settings.landing}: {', '.join(shown[:3])}{more}. Put the files back, or take their "
        "rows out with `mainstay backfill FROM TO --remove-missing`; a rebuild would be without them",
    )


def _serving(settings: Settings) -> Finding:
    published = current(settings)
    if published is None:
        return Finding("serving", "ok", "nothing published yet")
    version = f"{published.version} as of {published.as_of_date}"
    try:
        manifest = read_manifest(versions_folder(settings) / published.version)
    except PublishError as error:
        return Finding("serving", "warning", f"{version}; its check sums are not known: {error}")
    began = time.monotonic()
    problem = damage(settings, manifest, published.path)
    if problem and current(settings) == published:  # not one that was swapped while we read
        return Finding(
            "serving",
            "error",
            f"{version}: {problem}; run `mainstay publish`, which publishes the night anew, or "
            "`mainstay publish --rollback`",
        )
    size = manifest.size_bytes / 1024**2
    return Finding(
        "serving", "ok", f"{version}, {size:,.1f} MiB as published (read in {time.monotonic() - began:.1f} s)"
    )


def _postgres(settings: Settings) -> Finding:
    """Whether PostgreSQL can be reached, if it is set, and has the served night."""
    if settings.postgres_url is None:
        return Finding("postgres", "ok", "no MAINSTAY_POSTGRES_URL: nothing is exported")
    from pipelines.export import state_of_postgres

    state, published = state_of_postgres(settings), current(settings)
    what = f"{state['place']}, PostgreSQL {state['server']}, schema {settings.postgres_schema}"
    if published is None or state["version"] == published.version:
        return Finding("postgres", "ok", f"{what}: {state['version'] or 'nothing exported yet'}")
    return Finding(
        "postgres",
        "warning",
        f"{what} has {state['version'] or 'no night'}, and {published.version} is served; run `mainstay export postgres`",
    )


def _leftover_wal(path: Path) -> bool:
    return path.with_name(path.name + ".wal").exists()


CHECKS: tuple[Callable[[Settings], Finding], ...] = (
    _versions,
    _home,
    _contracts,
    _policies,
    _landing,
    _sample,
    _unmatched,
    _gaps,
    _lock,
    _rights,
    _disk,
    _warehouse,
    _ledger,
    _keys,
    _removed,
    _serving,
    _postgres,
)


def examine(settings: Settings, say: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """Look at everything; a check that raises is an error with its sentence. `say` hears what is being looked at."""
    findings: list[Finding] = []
    said: dict[str, str] = {}
    for check in CHECKS:
        name = check.__name__.strip("_")
        say(name)
        try:
            findings.append(check(settings))
        except LockedError as error:
            findings.append(Finding(name, "warning", f"look again later: {error}"))
        except (MainstayError, OSError) as error:
            text = str(explained(settings, error) or error)
            if text in said:  # a wrong contract stops most checks; it is said once
                findings.append(Finding(name, "warning", f"not looked at, because of {said[text]}"))
            else:
                findings.append(Finding(name, "error", text))
                said[text] = name
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
    with progress("doctor", quiet=as_json) as say:
        findings = examine(settings, say)
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
