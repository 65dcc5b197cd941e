"""Take erased customers out of landing files: those that are landed, and later whatever comes before it is loaded.

What is loaded is then never of an erased customer, whichever way it is read: the loader needs to know nobody.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb

from pipelines.contracts.persons import treatment
from pipelines.errors import LandingError
from pipelines.forget.rewrite import rewrite
from pipelines.forget.seek import Seeker, may_hold
from pipelines.forget.tombstones import read_tombstones
from pipelines.land import inspect
from pipelines.land.control import ROWS
from pipelines.land.opening import file_sha256
from pipelines.load.careful import careful_read
from pipelines.publish.files import crash_point, fsync
from pipelines.quoting import ident

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pipelines.contracts import LandingFile, SourceContract
    from pipelines.contracts.persons import Treatment
    from pipelines.forget.rewrite import Edits
    from pipelines.land import Inspected
    from pipelines.land.inspected import Control
    from pipelines.settings import Settings


@dataclass
class Scrubbed:
    """What was found in a dataset's landing files."""

    removed: dict[Path, int] = field(default_factory=dict)
    """By file, rows that went."""
    emptied: dict[Path, int] = field(default_factory=dict)
    """By file, rows that stay without a customer."""
    unread: list[Path] = field(default_factory=list)
    """Files that are not what their contract says, so that nobody knows whom their rows are about."""

    @property
    def files(self) -> set[Path]:
        """The files that are, or would be, written anew."""
        return {*self.removed, *self.emptied}


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
        edits = _edits(connection, settings, looked_at, contract, seeker)
        if not edits:
            continue
        if gone := sum(edit is None for edit in edits.values()):
            found.removed[file.path] = gone
        if gone < len(edits):
            found.emptied[file.path] = len(edits) - gone
        if not only_look:
            _write(connection, looked_at, contract, edits)
    return found


def _is_derived(contract: SourceContract) -> bool:
    """Whether a customer number is made of what stands in the file, and is not to be looked for there."""
    return any(contract.column(name).expression is not None for name in treatment(contract).customers)


def _edits(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    file: Inspected,
    contract: SourceContract,
    seeker: Seeker,
) -> Edits:
    """What is to be changed in a file; the temporary table `careful` is left for the sums of what goes."""
    careful_read(connection, file, contract, settings.timezone)
    known = contract if contract.format == "jsonl" else contract.as_in(file.header)
    treated, edits = treatment(known), _of_no_rows(connection, known, seeker)
    names = treated.customers
    if not names:  # the file has none of the columns
        return edits
    numbers = " UNION ".join(f"SELECT {ident(n)} FROM careful WHERE {ident(n)} IS NOT NULL" for n in names)
    erased = seeker.tombstones.erased_of(row[0] for row in connection.execute(numbers).fetchall())
    if not erased:
        return edits
    any_of = " OR ".join(f"list_contains(?::VARCHAR[], {ident(n)})" for n in names)
    rows = connection.execute(
        f'SELECT "line number", "row kind", {", ".join(map(ident, names))} FROM careful WHERE {any_of}',
        [sorted(erased)] * len(names),
    ).fetchall()
    for line, kind, *numbers_of_row in rows:
        hit = {name for name, number in zip(names, numbers_of_row, strict=True) if number in erased}
        edits[line] = _edit(treated, hit, known.dialect.null_value) if kind == "good" else None
    return edits


def _edit(treated: Treatment, hit: set[str], null: str) -> dict[str, str] | None:
    """What becomes of a row whose columns `hit` name erased customers; None: it goes."""
    if hit & set(treated.subjects):
        return dict(treated.fields) if treated.is_kept else None
    fields = [treated.reference_fields[name] for name in hit]
    return {name: null for names in fields for name in names} if all(fields) else None


def _of_no_rows(connection: duckdb.DuckDBPyConnection, contract: SourceContract, seeker: Seeker) -> Edits:
    """Rows that break the contract, with an erased customer's number in whatever place, or a value of theirs."""
    rows = connection.execute(
        'SELECT "line number", "raw text" FROM careful WHERE "row kind" IN (\'broken\', \'rejected\')'
    ).fetchall()
    return {line: None for line, text in rows if seeker.knows(text, contract)}


def _write(
    connection: duckdb.DuckDBPyConnection, file: Inspected, contract: SourceContract, edits: Edits
) -> None:
    path = file.file.path
    gone = [line for line, edit in edits.items() if edit is None]
    try:
        if file.control is not None and gone:
            # The control file first: killed in between, the file is refused for it instead of loaded with a row too many.
            _rewrite_control(connection, file.control, gone)
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


def _rewrite_control(connection: duckdb.DuckDBPyConnection, control: Control, gone: Sequence[int]) -> None:
    """Take the rows that go from the control totals beside their file."""
    names = list(control.totals)
    sums = "".join(f", coalesce(sum({ident(n)}), 0)" for n in names)
    select = f"SELECT count(*){sums} FROM careful"
    [every] = connection.execute(select).fetchall()
    [taken] = connection.execute(
        f'{select} WHERE list_contains(?::BIGINT[], "line number")', [list(gone)]
    ).fetchall()
    said = ({} if control.rows is None else {ROWS: Decimal(control.rows)}) | control.totals
    left = {}
    for name, all_, part in zip((ROWS, *names), every, taken, strict=True):
        if name in said:
            # A figure that is not the file's is the source's fault, or was mended before a kill.
            is_right = Decimal(all_) == said[name]
            left[name] = str(said[name] - Decimal(part) if is_right else said[name])
    scratch = control.path.with_name(f".{control.path.name}.erasing")
    if control.path.name.endswith(".json"):
        text = json.dumps(left)
    else:
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows([list(left), list(left.values())])
        text = stream.getvalue()
    scratch.write_text(text, encoding="utf-8")
    fsync(scratch)
    scratch.replace(control.path)
