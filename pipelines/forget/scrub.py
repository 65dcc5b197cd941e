"""Take erased customers out of landing files: those that are landed, and later whatever comes before it is loaded.

What is loaded is then never of an erased customer, whichever way it is read: the loader needs to know nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from pipelines.contracts.persons import treatment
from pipelines.errors import FileRefusedError, LandingError
from pipelines.forget.controls import rewrite_control
from pipelines.forget.edits import find
from pipelines.forget.quarantine import blank
from pipelines.forget.rewrite import rewrite
from pipelines.forget.scrubbed import Scrubbed
from pipelines.forget.seek import Seeker, may_hold
from pipelines.forget.tombstones import read_tombstones
from pipelines.land import inspect
from pipelines.land.opening import file_sha256
from pipelines.publish.files import crash_point

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pipelines.contracts import LandingFile, SourceContract
    from pipelines.forget.rewrite import Edits
    from pipelines.land import Inspected
    from pipelines.settings import Settings


def scrubber(
    settings: Settings,
) -> Callable[[duckdb.DuckDBPyConnection, SourceContract, Sequence[LandingFile]], Mapping[Path, int]] | None:
    """What takes erased customers out of files that are to be loaded, and says how many rows; None without tombstones.

    Raises:
        ForgottenKeyError: there are tombstones, and their key is lost.
    """
    tombstones = read_tombstones(settings)
    if tombstones is None:
        return None
    seeker = Seeker(tombstones)

    def scrub(
        connection: duckdb.DuckDBPyConnection, contract: SourceContract, files: Sequence[LandingFile]
    ) -> Mapping[Path, int]:
        return scrub_files(connection, settings, contract, files, seeker).removed

    return scrub


def scrub_files(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contract: SourceContract,
    files: Sequence[LandingFile],
    seeker: Seeker,
    *,
    only_look: bool = False,
) -> Scrubbed:
    """Write the files anew that hold rows of erased customers; with `only_look`, count them.

    Raises:
        LandingError: a file has changed meanwhile, or cannot be written anew.
    """
    found = Scrubbed()
    if not treatment(contract).customers:
        return found
    for file in files:
        try:
            if not (_is_derived(contract) or may_hold(connection, file.path, contract, seeker)):
                continue
            looked_at = inspect(file, contract)
        except (LandingError, OSError, EOFError, ValueError, duckdb.Error):
            found.unread.append(file.path)  # whoever loads it is told what is wrong with it
            continue
        try:
            edits, texts = find(connection, settings, looked_at, contract, seeker)
        except FileRefusedError:
            found.unread.append(file.path)
            continue
        ids = _ids_in_ledger(connection, looked_at, contract)
        found.looked_into |= ids
        if not edits:
            continue
        found.texts |= dict.fromkeys(ids, texts)
        if gone := sum(edit is None for edit in edits.values()):
            found.removed[file.path] = gone
        if gone < len(edits):
            found.emptied[file.path] = len(edits) - gone
        if not only_look:
            # What stands in quarantine before the file: after a kill, only the file could tell whose it was.
            if ids:
                blank(connection, settings, contract, ids, texts)
            _write(connection, looked_at, contract, edits)
    return found


def _is_derived(contract: SourceContract) -> bool:
    """Whether a customer number is made of what stands in the file, and is not to be looked for there."""
    return any(contract.column(name).expression is not None for name in treatment(contract).customers)


def _ids_in_ledger(
    connection: duckdb.DuckDBPyConnection, file: Inspected, contract: SourceContract
) -> set[str]:
    """Under which ids a file with this content was loaded; one that was written anew keeps the id that it had."""
    rows = connection.execute(
        "SELECT DISTINCT file_id FROM ops.files WHERE dataset = ? AND path = ? AND sha256 = ?",
        [contract.name, contract.landed_name(file.file.path), file.sha256],
    ).fetchall()
    return {row[0] for row in rows}


def _write(
    connection: duckdb.DuckDBPyConnection, file: Inspected, contract: SourceContract, edits: Edits
) -> None:
    path = file.file.path
    gone = [line for line, edit in edits.items() if edit is None]
    try:
        if file.control is not None and gone:
            # The control file first: killed in between, the file is refused for it instead of loaded with a row too many.
            rewrite_control(connection, file.control, gone)
        rewrite(file, contract, edits)
    except OSError as error:
        raise LandingError(
            f"{path}: rows of erased customers cannot be taken out of it ({error.strerror or error}); "
            "make its folder writable and run again"
        ) from error
    crash_point("landing_replaced")
    connection.execute(
        "UPDATE ops.files SET sha256 = ?, size_bytes = ? WHERE dataset = ? AND path = ? AND sha256 = ?",
        [file_sha256(path), path.stat().st_size, contract.name, contract.landed_name(path), file.sha256],
    )
