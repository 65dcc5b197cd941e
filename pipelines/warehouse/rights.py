"""Who may read what: folders and files are made for their readers, and lock files for nobody else at all.

What holds rows, logs or secrets is for the account that runs Mainstay (`private_mode`), what BI reads for the group
`serving_group` too (`serving_mode`). Whoever can open a file can lock it, so a reader of a lock file could keep the
writers waiting for ever.
"""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pipelines.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.settings import Settings

LOCK_MODE = 0o600
_FILE_BITS = 0o666


def private_mode(settings: Settings) -> int:
    """Bits of private folders."""
    return int(settings.private_mode, 8)


def serving_mode(settings: Settings) -> int:
    """Bits of the folders that BI reads."""
    return int(settings.serving_mode, 8)


def _bits(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def private_folder(settings: Settings, path: Path) -> Path:
    """Make a folder, and those above it below `var/`, for the owner alone; one that is there loses what others may do."""
    above = [folder for folder in reversed(path.parents) if settings.var in folder.parents]
    if settings.var in path.parents and not settings.var.exists():
        _make_var(settings)
    for folder in (*above, path):
        is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if is_new:
            folder.chmod(private_mode(settings))
        elif settings.var in folder.parents and (bits := _bits(folder)) & ~private_mode(settings):
            with suppress(PermissionError):  # somebody else's; `doctor` names it
                folder.chmod(bits & private_mode(settings))
    return path


def _make_var(settings: Settings) -> None:
    """`var/`: readers of the marts pass through it, and see only what is theirs."""
    settings.var.mkdir(parents=True, exist_ok=True)
    settings.var.chmod(_var_mode(settings))
    _give_to_group(settings, settings.var)


def _var_mode(settings: Settings) -> int:
    return private_mode(settings) | serving_mode(settings) & 0o011


def for_readers(settings: Settings, path: Path, *, read_only: bool = False) -> None:
    """Let BI's accounts read a folder or file that Mainstay publishes.

    Raises:
        SettingsError: there is no such group as `serving_group`, or Mainstay's account may not give it files.
    """
    bits = serving_mode(settings)
    if path.is_dir():  # that its owner cannot write there may be meant
        bits = (bits & 0o077) | (_bits(path) & 0o700)
    else:
        bits &= 0o444 if read_only else _FILE_BITS
    if bits != _bits(path):
        path.chmod(bits)
    _give_to_group(settings, path)


def serving_group_id(settings: Settings) -> int | None:
    """Number of the group that reads the marts; None where files keep the group of the account that runs Mainstay.

    Raises:
        SettingsError: there is no such group.
    """
    if settings.serving_group is None:
        return None
    try:
        return grp.getgrnam(settings.serving_group).gr_gid
    except KeyError as error:
        raise SettingsError(
            f"MAINSTAY_SERVING_GROUP: this machine has no group {settings.serving_group!r}; make it, or name another"
        ) from error


def _give_to_group(settings: Settings, path: Path) -> None:
    group = serving_group_id(settings)
    if group is None or path.stat().st_gid == group:
        return
    try:
        os.chown(path, -1, group)
    except PermissionError as error:
        raise SettingsError(
            f"MAINSTAY_SERVING_GROUP: {path} cannot be given to the group {settings.serving_group!r}; "
            "add the account that runs Mainstay to it"
        ) from error


@contextmanager
def private_files(settings: Settings) -> Iterator[None]:
    """Meanwhile whatever this process makes, libraries' files too, is for the owner alone."""
    before = os.umask(~private_mode(settings) & 0o777)
    try:
        yield
    finally:
        os.umask(before)


def too_open(settings: Settings) -> list[tuple[Path, int, int]]:
    """What more accounts can get at than are meant to: path, its bits, and the bits that it may have at most."""
    private, serving = private_mode(settings), serving_mode(settings)
    secrets = [
        settings.forget_key,
        settings.var / "bi" / "secret_key",
        settings.var / "bi" / "superset.db",
        *(settings.var / "airflow").glob("*/secrets.json"),
        *(settings.var / "airflow").glob("*/passwords.json"),
    ]
    most_of = {
        settings.var: _var_mode(settings),
        settings.warehouse.parent: private,
        settings.landing: private,
        settings.var / "gx": private,
        settings.var / "data_docs": private,
        settings.dbt_docs.parent: private,
        settings.var / "logs": private,
        settings.var / "airflow": private,
        settings.var / "dbt": private,
        settings.var / "locks": private,
        settings.var / "spill": private,
        settings.var / "bi": private,
        **dict.fromkeys(secrets, LOCK_MODE),
        settings.serving: serving,
        settings.serving / "versions": serving,
        settings.serving / "parquet": serving,
        settings.serving / "marts.duckdb": serving & 0o444,
    }
    return [(p, _bits(p), most) for p, most in most_of.items() if p.exists() and _bits(p) & ~most & 0o777]


def out_of_reach(settings: Settings) -> str | None:
    """Why the group that is to read the marts cannot; None where it can, or where there is none."""
    group = serving_group_id(settings)
    if group is None:
        return None
    for path in (settings.serving, settings.serving / "marts.duckdb"):
        if path.exists() and path.stat().st_gid != group:
            return (
                f"{path} is not of the group {settings.serving_group}; "
                f"run `chgrp -R {settings.serving_group} {settings.serving}`"
            )
    var = settings.var.stat()
    if not (var.st_mode & 0o001 or (var.st_mode & 0o010 and var.st_gid == group)):
        return (
            f"the group {settings.serving_group} cannot pass {settings.var}; "
            f"run `chgrp {settings.serving_group} {settings.var}` and `chmod g+x {settings.var}`"
        )
    return None
