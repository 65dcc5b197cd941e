"""Tombstones: keyed hashes of the customer numbers that were erased, so that nobody comes back with a file.

A plain hash of a customer number is no secret, as all numbers can be tried. So it is keyed (HMAC-SHA256), and the key lies in a
file beside the warehouse, for its owner alone. The hashes lie there too: a warehouse that is begun anew, or comes back from a
backup of before, knows from the file whom it has to forget.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.errors import ForgottenKeyError
from pipelines.warehouse import erasing, ledger
from pipelines.warehouse.connection import connect, insert_rows, scalar, transaction
from pipelines.warehouse.durable import fsync
from pipelines.warehouse.rights import LOCK_MODE, private_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from pipelines.settings import Settings

RUNNING, ROWS, DONE = erasing.RUNNING, "rows", "done"
"""How far an erasure got: begun; gone from landing and loaded rows; gone from everything."""


@dataclass
class Tombstones:
    """The key, and the hashes of all erased numbers."""

    key: bytes = field(repr=False)
    hashes: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    """Those whose erasure came to its end."""

    def hash_of(self, number: str) -> str:
        """The keyed hash of a customer number."""
        return hmac.digest(self.key, number.encode(), hashlib.sha256).hex()

    def erased_of(self, numbers: Iterable[str]) -> set[str]:
        """Those of some texts that are numbers of erased customers."""
        return {number for number in numbers if self.hash_of(number) in self.hashes} if self.hashes else set()


def read_tombstones(settings: Settings) -> Tombstones | None:
    """The tombstones; None where nobody was ever erased. The ledger gets those that it does not know yet, to be erased again.

    Raises:
        ForgottenKeyError: the ledger has tombstones that the file does not have, or there is no file.
    """
    if not settings.warehouse.exists() and not settings.forget_key.exists():
        return None
    with closing(connect(settings, rows=False)) as connection:
        connection.execute(ledger.DDL)
        entered = {row[0] for row in connection.execute("SELECT id_hash FROM ops.tombstones").fetchall()}
        found = _read(settings)
        lacking = entered if found is None else entered - found.hashes
        if lacking:
            raise ForgottenKeyError(
                f"{settings.forget_key}: the key to {len(lacking):,} erased customer numbers is not there, or it is "
                "another one; without it files that come again would bring these customers back. Bring the file back "
                "from a backup"
            )
        if found is not None and (unknown := sorted(found.hashes - entered)):
            _enter(connection, unknown, "restored", RUNNING)
            if not scalar(connection, "SELECT count(*) FROM ops.files"):
                # A warehouse begun anew has nobody in it; an old one that was brought back may have.
                connection.execute(
                    "UPDATE ops.tombstones SET state = ? WHERE list_contains(?::VARCHAR[], id_hash)",
                    [DONE, sorted(found.done)],
                )
    return found


def _read(settings: Settings) -> Tombstones | None:
    path = settings.forget_key
    try:
        key, *lines = path.read_text(encoding="ascii").splitlines()
        parts = [line.split() for line in lines]
        return Tombstones(
            bytes.fromhex(key),
            frozenset(hash_ for hash_, *_ in parts),
            frozenset(hash_ for hash_, *state in parts if state == [DONE]),
        )
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ForgottenKeyError(f"{path} is no key file; bring it back from a backup") from error


def entomb(settings: Settings, run_id: str, numbers: Iterable[str]) -> Tombstones:
    """Set tombstones for some numbers, so that whatever comes from now on is without them."""
    found = read_tombstones(settings) or Tombstones(secrets.token_bytes(32))
    hashes = sorted(found.hash_of(number) for number in numbers)
    found = Tombstones(found.key, found.hashes | set(hashes), found.done - set(hashes))
    _write(settings, found)
    with closing(connect(settings, rows=False)) as connection, transaction(connection):
        connection.execute("DELETE FROM ops.tombstones WHERE list_contains(?::VARCHAR[], id_hash)", [hashes])
        _enter(connection, hashes, run_id, RUNNING)
    return found


def _enter(connection: duckdb.DuckDBPyConnection, hashes: Iterable[str], run_id: str, state: str) -> None:
    rows = [[h, ledger.now().date(), run_id, state] for h in hashes]
    insert_rows(connection, "ops.tombstones (id_hash, erased_on, run_id, state)", rows)


def _write(settings: Settings, tombstones: Tombstones) -> None:
    """The file before the ledger: a hash too many in it is erased again, one too few would be a person come back."""
    path = settings.forget_key
    private_folder(settings, path.parent)
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, LOCK_MODE)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        lines = [f"{h} {DONE}" if h in tombstones.done else h for h in sorted(tombstones.hashes)]
        stream.write("\n".join([tombstones.key.hex(), *lines, ""]))
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    fsync(path.parent)


def states(settings: Settings) -> set[str]:
    """How far the erasures got that there were."""
    if not settings.warehouse.exists():
        return set()
    with closing(connect(settings, rows=False)) as connection:
        connection.execute(ledger.DDL)
        return {row[0] for row in connection.execute("SELECT DISTINCT state FROM ops.tombstones").fetchall()}


def advance(connection: duckdb.DuckDBPyConnection, before: str, after: str) -> None:
    """Note that all erasures which had got so far have got further."""
    connection.execute("UPDATE ops.tombstones SET state = ? WHERE state = ?", [after, before])


def finish(settings: Settings, tombstones: Tombstones) -> None:
    """Note that nothing is left of anybody whose rows are gone."""
    with closing(connect(settings, rows=False)) as connection:
        advance(connection, ROWS, DONE)
        connection.execute("CHECKPOINT")
        rows = connection.execute("SELECT id_hash FROM ops.tombstones WHERE state = ?", [DONE]).fetchall()
    _write(settings, Tombstones(tombstones.key, tombstones.hashes, frozenset(row[0] for row in rows)))
