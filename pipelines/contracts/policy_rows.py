"""Reading a policy file: its columns, and each field's value, or a sentence that says where and what is wrong."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from pipelines.contracts import figures
from pipelines.contracts.seeds import AMOUNT, SEEDS
from pipelines.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def policy_rows(path: Path, scale: int) -> list[tuple[int, dict[str, Any]]]:
    """Line and values of each row of a policy file, each by its column's type.

    Args:
        path: The file.
        scale: Decimals of an amount.

    Raises:
        SettingsError: the file cannot be read, or a field is not what it must be.
    """
    types = SEEDS[path.stem]
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            if reader.fieldnames != list(types):
                raise SettingsError(
                    f"{path}:1: the columns are {reader.fieldnames}; they must be {', '.join(types)}"
                )
            rows = []
            for row in reader:
                line = reader.line_num
                if None in row or None in row.values():
                    raise SettingsError(f"{path}:{line}: the line has not {len(types)} fields; mend it")
                rows.append((line, {name: _value(path, line, name, row[name], scale) for name in types}))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path}: the policy file cannot be read: {error}; it is a UTF-8 CSV") from error
    return rows


def _value(path: Path, line: int, name: str, text: str, scale: int) -> Any:
    """A field's value, exactly as the seed's type holds it."""
    if text != text.strip():  # dbt reads the file as it stands
        raise SettingsError(f"{path}:{line}: {name} {text!r} has blanks around it; take them away")
    if not text.isprintable():
        raise SettingsError(f"{path}:{line}: {name} {text!r} has a sign that cannot be seen; take it out")
    try:
        type_ = SEEDS[path.stem][name]
        return figures.number(text, 18, scale) if type_ == AMOUNT else _READERS[type_](text)
    except ValueError as error:
        raise SettingsError(f"{path}:{line}: {name} {error}") from error


_READERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "date": figures.day,
    "integer": figures.whole,
    "decimal(9,6)": lambda text: figures.number(text, 9, 6),
}
