"""Control totals: what the source says of a landed file, in a small file beside it, so that a lost row is seen.

Beside `sales.csv` lies `sales.csv.control.json`, an object such as `{"rows": 120, "net_amount": "5023.10"}`, or
`sales.csv.control.csv`, the same as a header and one line. `rows` counts the file's rows; any other name is a number column
of the contract, and its figure the sum over all of them.
"""

from __future__ import annotations

import csv
import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from pipelines.land.inspected import Control, refuse

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.contracts import SourceContract

ENDINGS = (".control.json", ".control.csv")
ROWS = "rows"
_LARGEST = 64 * 1024


def is_control(name: str) -> bool:
    """Whether a file holds control totals and no rows."""
    return name.endswith(ENDINGS)


def data_file(path: Path) -> Path:
    """The file that a control file speaks of."""
    return path.with_name(path.name.removesuffix(ENDINGS[0]).removesuffix(ENDINGS[1]))


def read_control(path: Path, contract: SourceContract) -> Control | None:
    """The control totals beside a landing file; None where there are none and none are asked for.

    Raises:
        FileRefusedError: they cannot be read, or are missing where the contract asks for them.
        OSError: the disk does not let us.
    """
    there = [p for p in (path.with_name(path.name + ending) for ending in ENDINGS) if p.exists()]
    if not there:
        if contract.has_control_totals:
            raise refuse(path, f"control totals beside it in {path.name}{ENDINGS[0]}", "none")
        return None
    if len(there) > 1:
        raise refuse(path, "one file of control totals", f"{there[0].name} and {there[1].name}")
    control = there[0]
    try:
        given = _given(control)
    except (ValueError, UnicodeDecodeError, csv.Error) as error:
        raise refuse(
            control, 'control totals such as {"rows": 120, "net_amount": "5023.10"}', str(error)
        ) from error
    totals = {}
    for name, value in given.items():
        if name != ROWS and name not in _summed(contract):
            raise refuse(control, f"{ROWS} or a number column of the contract", f"{name!r}")
        try:
            totals[name] = Decimal(str(value).strip())
        except InvalidOperation as error:
            raise refuse(control, f"a number as {name}", "none") from error
        if not totals[name].is_finite() or (name == ROWS and totals[name] != int(totals[name])):
            raise refuse(control, f"a number as {name}", "none")
    rows = totals.pop(ROWS, None)
    if rows is None and not totals:
        raise refuse(control, f"{ROWS} or the sum of a column", "neither")
    return Control(control, None if rows is None else int(rows), totals)


def _summed(contract: SourceContract) -> set[str]:
    """Columns whose sums are exact."""
    return {
        c.name for c in contract.columns if c.type in ("INTEGER", "BIGINT") or c.type.startswith("DECIMAL")
    }


def _given(control: Path) -> dict[str, Any]:
    if control.stat().st_size > _LARGEST:
        raise ValueError("a file of more than 64 KiB")
    text = control.read_text(encoding="utf-8-sig")
    if control.name.endswith(".json"):
        given = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
        if not isinstance(given, dict):
            raise ValueError("no JSON object")
        return given
    lines = [line for line in csv.reader(text.splitlines()) if line]
    if len(lines) != 2 or len(lines[0]) != len(lines[1]):
        raise ValueError("not a header and one line of as many fields")
    return dict(zip((name.strip() for name in lines[0]), lines[1], strict=True))
