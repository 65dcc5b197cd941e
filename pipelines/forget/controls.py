"""Control totals beside a landing file: what goes of its rows goes of them too."""

from __future__ import annotations

import csv
import io
import json
import shutil
from decimal import Decimal
from typing import TYPE_CHECKING

from pipelines.forget.rewrite import scratch_of
from pipelines.land.control import ROWS
from pipelines.load.controls import unreadable
from pipelines.quoting import ident
from pipelines.warehouse.connection import scalar
from pipelines.warehouse.durable import fsync

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from pipelines.land.inspected import Control


def rewrite_control(connection: duckdb.DuckDBPyConnection, control: Control, gone: Sequence[int]) -> None:
    """Take the rows that go, by their numbers in the temporary table `careful`, from the control totals of their file.

    Raises:
        OSError: the folder cannot be written.
    """
    left = {}
    if control.rows is not None:
        every = Decimal(scalar(connection, "SELECT count(*) FROM careful"))
        left[ROWS] = _less(Decimal(control.rows), every, every - len(gone))
    for column, figure in control.totals.items():
        left[column] = _total(connection, column, figure, gone)
    path = control.path.resolve()  # what a link leads to is rewritten, not the link
    scratch = scratch_of(path)
    scratch.write_text(_text(control.path.name, left), encoding="utf-8")
    shutil.copymode(path, scratch)
    fsync(scratch)
    scratch.replace(path)


def _total(connection: duckdb.DuckDBPyConnection, column: str, said: Decimal, gone: Sequence[int]) -> Decimal:
    name = ident(column)
    [(every, unread, staying, unread_staying)] = connection.execute(
        f"SELECT coalesce(sum({name}), 0), count(*) FILTER (WHERE {unreadable(column)}), "
        f"coalesce(sum({name}) FILTER (WHERE stays), 0), count(*) FILTER (WHERE {unreadable(column)} AND stays) "
        'FROM (SELECT *, NOT list_contains(?::BIGINT[], "line number") AS stays FROM careful)',
        [list(gone)],
    ).fetchall()
    if not unread:
        return _less(said, every, staying)
    # Where a row's figure cannot be read, no load has held the total against the file. It will, once that row is gone.
    return said if unread_staying else Decimal(staying)


def _less(said: Decimal, every: Decimal, staying: Decimal) -> Decimal:
    """A figure without what goes; one that is not the file's is the source's fault, or was mended before a kill."""
    return said - Decimal(every) + Decimal(staying) if said == every else said


def _text(name: str, left: dict[str, Decimal]) -> str:
    figures = {key: str(figure) for key, figure in left.items()}
    if name.endswith(".json"):
        return json.dumps(figures)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([list(figures), list(figures.values())])
    return stream.getvalue()
