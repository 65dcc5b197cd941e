"""Control totals: what the source says of a landed file, in a small file beside it, so that a lost row is seen.

Beside `sales.csv` lies `sales.csv.control.json`, an object such as `{"rows": 120, "net_amount": "5023.10"}`, or
`sales.csv.control.csv`, the same as a header and one line. `rows` counts the file's rows; any other name is a number column
of the contract, and its figure the sum over all of them.
"""

from __future__ import annotations

import csv
import json
import re
import stat
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipelines.land.inspected import Control, may_show_name, refuse
from pipelines.showing import shown

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.contracts import SourceContract

ENDINGS = (".control.json", ".control.csv")
ROWS = "rows"
_LARGEST = 64 * 1024
_NUMBER = re.compile(r"[+-]?\d{1,38}(\.\d{1,38})?([eE][+-]?\d{1,2})?", re.ASCII)
"""Python's Decimal takes more: `1_0`, digits of other scripts, and exponents that fill the memory."""


def is_control(name: str) -> bool:
    """Whether a file holds control totals and no rows."""
    return name.endswith(ENDINGS)


def data_file(path: Path) -> Path:
    """The file that a control file speaks of."""
    return path.with_name(path.name.removesuffix(ENDINGS[0]).removesuffix(ENDINGS[1]))


def control_files(path: Path) -> tuple[Path, ...]:
    """Where the control totals of a landing file may stand."""
    return tuple(path.with_name(path.name + ending) for ending in ENDINGS)


def read_control(path: Path, contract: SourceContract) -> Control | None:
    """The control totals beside a landing file; None where there are none and none are asked for.

    Raises:
        FileRefusedError: they cannot be read, or are missing where the contract asks for them.
        OSError: the disk does not let us.
    """
    there = [p for p in control_files(path) if p.exists()]
    if not there:
        if contract.has_control_totals:
            raise refuse(path, f"control totals beside it in {path.name}{ENDINGS[0]}", "none")
        return None
    if len(there) > 1:
        raise refuse(path, "one file of control totals", f"{there[0].name} and {there[1].name}")
    control = there[0]
    try:
        given = _given(control)
    except (ValueError, RecursionError, csv.Error) as error:
        raise refuse(
            control, 'control totals such as {"rows": 120, "net_amount": "5023.10"}', str(error)
        ) from error
    totals = {}
    for name, value in given.items():
        if name != ROWS and name not in _summed(contract):
            # What stands as a name may be a value, where a file of rows has the name of one of totals.
            found = shown(name) if may_show_name(name, contract) else "another name"
            raise refuse(control, f"{ROWS} or a number column of the contract", found)
        if not _NUMBER.fullmatch(str(value).strip()):
            raise refuse(control, f"a number as {name}", "none")
        totals[name] = Decimal(str(value).strip())
        if name == ROWS and totals[name] % 1:
            raise refuse(control, f"a number as {name}", "none")
    rows = totals.pop(ROWS, None)
    if rows is None and not totals:
        raise refuse(control, f"{ROWS} or the sum of a column", "neither")
    return Control(control, None if rows is None else int(rows), totals)


def _summed(contract: SourceContract) -> set[str]:
    """Columns whose sums are exact, and are nobody's: of one row a sum is a value, and sums stand in messages."""
    return {
        c.name
        for c in contract.columns
        if (c.type in ("INTEGER", "BIGINT") or c.type.startswith("DECIMAL")) and not c.is_personal
    }


def _given(control: Path) -> dict[str, Any]:
    status = control.stat()
    if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for
        raise ValueError("no regular file")
    if status.st_size > _LARGEST:
        raise ValueError("a file of more than 64 KiB")
    text = control.read_text(encoding="utf-8-sig")
    if control.name.endswith(".json"):
        given = json.loads(
            text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_each_once
        )
        if not isinstance(given, dict):
            raise ValueError("no JSON object")
        return given
    lines = [line for line in csv.reader(text.splitlines()) if line]
    if len(lines) != 2 or len(lines[0]) != len(lines[1]):
        raise ValueError("not a header and one line of as many fields")
    return _each_once(list(zip((name.strip() for name in lines[0]), lines[1], strict=True)))


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    given = dict(pairs)
    if len(given) < len(pairs):
        raise ValueError("a name that stands twice")
    return given
