"""What dbt makes of the project, kept between runs: parsing it costs more than the models of a small night.

dbt's own partial parse starts anew whenever an environment variable of its project or profile is another. What is kept
here hangs on what the project says, and on nothing else of a deployment: see `parse_key`.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pipelines.settings import PROJECT_DIR
from pipelines.transform.environment import own_sources

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings

_KEPT = 8
"""Parsed projects, of two megabytes each, that are kept: those used last, with their policies and settings."""

_DIGEST_BYTES = 32

_in_process: dict[str, Any] = {}


def parse_key(settings: Settings, context: str) -> str:
    """Changes with whatever dbt reads while it parses.

    Models, macros, policies, variables and versions are in `context`, see `stale.context_hash`; to these come the tests,
    the profile, the own sources, the warehouse's name, by which relations are called, and Python.
    """
    project = PROJECT_DIR / "dbt_project"
    found = hashlib.sha256(f"{context}\0{settings.warehouse.stem}\0{sys.version}".encode())
    for path in [
        *sorted(project.joinpath("tests").rglob("*.*")),
        project / "profiles.yml",
        own_sources(settings),
    ]:
        if path.is_file():
            found.update(f"{path.name}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def read_parsed(settings: Settings, key: str) -> Any:
    """The project as it was parsed under that key; None where it was not, or where what was kept is damaged."""
    if key not in _in_process:
        path = _path(settings, key)
        try:
            kept = path.read_bytes()
        except FileNotFoundError:
            return None
        digest, packed = kept[:_DIGEST_BYTES], kept[_DIGEST_BYTES:]
        if hashlib.sha256(packed).digest() != digest:
            return None
        from dbt.contracts.graph.manifest import Manifest
        from dbt.parser.manifest import extended_mashumuro_decoder

        with suppress(FileNotFoundError):  # another run may have kept newer ones meanwhile
            os.utime(path)
        _in_process[key] = Manifest.from_msgpack(packed, decoder=extended_mashumuro_decoder)
    return _in_process[key]


def keep_parsed(settings: Settings, key: str, manifest: Any) -> None:
    """Keep a parsed project for later runs; older ones go."""
    from dbt.parser.manifest import extended_mashumaro_encoder

    _in_process[key] = manifest
    packed = manifest.to_msgpack(extended_mashumaro_encoder)
    path = _path(settings, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{secrets.token_hex(4)}.new")  # its own: two runs may parse at once
    temporary.write_bytes(hashlib.sha256(packed).digest() + packed)
    with suppress(FileNotFoundError):  # swept below by one of many others: then nothing is kept
        temporary.replace(path)
    # What a killed run left half written goes with the others; what was just kept stays, whatever the clock says.
    others = [kept for kept in path.parent.iterdir() if kept != path]
    for old in sorted(others, key=_last_used, reverse=True)[_KEPT - 1 :]:
        old.unlink(missing_ok=True)


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another run has taken it away since it was listed
        return 0.0


def _path(settings: Settings, key: str) -> Path:
    return settings.var / "dbt" / "parsed" / f"{key}.msgpack"
