"""The surroundings of a night: versions, home, contracts, policies, lock, rights, disk."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from pipelines.cli.examine.finding import Finding
from pipelines.contracts import mart_contracts, source_contracts
from pipelines.contracts.policies import read_policies
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.lock import holder, is_locked
from pipelines.warehouse.rights import out_of_reach, private_folder, too_open

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.settings import Settings

PACKAGES = ("apache-airflow", "great-expectations", "sqlalchemy", "open-data-contract-standard")
"""Beside the engine's own."""
_STATES = {"ok": "ok", "warning": "warning", "problem": "error"}
LOW_DISK_BYTES = 2 * 1024**3


def look_at_versions(settings: Settings) -> Finding:
    """Whether Python and the packages that a night rests on are there."""
    found, missing = [], []
    for package in (PACKAGES[0], *engine_of(settings).packages, *PACKAGES[1:]):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        return Finding("versions", "error", f"not installed: {', '.join(missing)}; install requirements.lock")
    if not ((3, 11) <= sys.version_info[:2] <= (3, 12)):
        return Finding("versions", "error", f"Python {platform.python_version()}; use 3.11 or 3.12")
    return Finding("versions", "ok", f"Python {platform.python_version()}, {', '.join(found)}")


def look_at_engine(settings: Settings) -> Iterator[Finding]:
    """What loads and builds, where that needs more than this process."""
    for state, what, text in engine_of(settings).examine(settings):
        yield Finding(what, _STATES[state], text)


def look_at_home(settings: Settings) -> Finding:
    """Whether the deployment's folder can be written."""
    private_folder(settings, settings.warehouse.parent)
    probe = settings.var / f".write-test-{os.getpid()}"
    try:
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        return Finding("home", "error", f"{settings.var} cannot be written: {error.strerror}")
    return Finding("home", "ok", f"{settings.home.resolve()}, {settings.timezone}, {settings.currency}")


def look_at_contracts(settings: Settings) -> Finding:
    """Whether every contract can be used."""
    sources = source_contracts(settings)
    return Finding(
        "contracts",
        "ok",
        f"{len(sources)} sources in {settings.contracts}, {len(mart_contracts(settings))} marts",
    )


def look_at_policies(settings: Settings) -> Finding:
    """Whether every policy can be used."""
    policies = read_policies(settings)
    return Finding("policies", "ok", f"{len({t.tier for t in policies.tiers})} tiers in {settings.policies}")


def look_at_lock(settings: Settings) -> Finding:
    """Whether somebody writes to the warehouse."""
    if is_locked(settings):
        who = holder(settings) or {}
        return Finding(
            "lock",
            "warning",
            f"held by process {who.get('pid')} on {who.get('host')}: {who.get('step')} since {who.get('since')}",
        )
    return Finding("lock", "ok", "free")


def look_at_rights(settings: Settings) -> Finding:
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


def look_at_disk(settings: Settings) -> Finding:
    """Whether there is room for another night."""
    free = shutil.disk_usage(settings.var).free
    state = "warning" if free < LOW_DISK_BYTES else "ok"
    return Finding("disk", state, f"{free / 1024**3:.1f} GiB free below {settings.var}")
