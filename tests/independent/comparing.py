"""Compare an expected frame with a mart, row by row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, time
from numbers import Number

import numpy as np
import pandas as pd

SHOWN = 10
"""Rows shown per kind of difference."""


def compare(
    expected: pd.DataFrame,
    actual: pd.DataFrame,
    key: list[str],
    columns: list[str],
    tolerance: float | Mapping[str, float] = 1e-9,
) -> None:
    """Raise AssertionError that names the first missing, extra and differing rows.

    Numbers agree within `tolerance` x max(1, |expected|); a mapping gives single columns their own tolerance
    (others 1e-9). Nulls of any kind equal each other only. Empty frames, repeated keys, absent columns and an
    empty list of columns are errors, so that a comparison of nothing cannot pass.
    """
    if not key or not columns:
        raise AssertionError("name at least one key column and one column to compare")
    left, right = _rows(expected, key, columns, "expected"), _rows(actual, key, columns, "actual")
    missing = [k for k in left if k not in right]
    extra = [k for k in right if k not in left]
    differing = []
    for k, row in left.items():
        if k not in right:
            continue
        wrong = [
            f"{column}: expected {row[column]!r}, actual {right[k][column]!r}"
            for column in columns
            if not _agree(row[column], right[k][column], _tolerance(tolerance, column))
        ]
        if wrong:
            differing.append(f"{_name(key, k)}: " + "; ".join(wrong))
    if missing or extra or differing:
        raise AssertionError(
            f"{len(left)} rows expected, {len(right)} found: {len(missing)} missing, {len(extra)} extra, "
            f"{len(differing)} differing"
            + _listing("missing", [_name(key, k) for k in missing])
            + _listing("extra", [_name(key, k) for k in extra])
            + _listing("differing", differing)
        )


def _rows(frame: pd.DataFrame, key: list[str], columns: list[str], side: str) -> dict[tuple, dict]:
    absent = [column for column in [*key, *columns] if column not in frame.columns]
    if absent:
        found = ", ".join(frame.columns)
        raise AssertionError(f"the {side} frame has no column {', '.join(absent)}; it has {found}")
    if frame.empty:
        raise AssertionError(f"the {side} frame is empty")
    rows: dict[tuple, dict] = {}
    for record in frame[list(dict.fromkeys([*key, *columns]))].to_dict("records"):
        row = {column: _plain(value) for column, value in record.items()}
        k = tuple(row[column] for column in key)
        if k in rows:
            raise AssertionError(f"the {side} frame has {_name(key, k)} more than once")
        rows[k] = row
    return rows


def _plain(value: object) -> object:
    """Null as None, numpy scalars as Python's, midnight timestamps as dates."""
    if value is None or value is pd.NaT or bool(pd.isna(value)):
        return None
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime()
    if isinstance(value, datetime) and value.time() == time.min:
        return value.date()
    return value


def _agree(expected: object, actual: object, tolerance: float) -> bool:
    numbers = [isinstance(v, Number) and not isinstance(v, bool) for v in (expected, actual)]
    if all(numbers):
        left, right = float(expected), float(actual)  # type: ignore[arg-type]
        if math.isinf(left) or math.isinf(right):
            return left == right
        return abs(left - right) <= tolerance * max(1.0, abs(left))
    return type(expected) is type(actual) and expected == actual


def _tolerance(tolerance: float | Mapping[str, float], column: str) -> float:
    return tolerance.get(column, 1e-9) if isinstance(tolerance, Mapping) else tolerance


def _name(key: list[str], values: tuple) -> str:
    return ", ".join(f"{column} {value}" for column, value in zip(key, values, strict=True))


def _listing(title: str, lines: list[str]) -> str:
    if not lines:
        return ""
    rest = [f"… and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return f"\n{title}:" + "".join(f"\n  {line}" for line in [*lines[:SHOWN], *rest])
