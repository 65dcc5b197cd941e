"""Reads how a dataset's landing files are written: encoding, delimiter, marks, formats, timezone."""

from __future__ import annotations

import codecs
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from pipelines.contracts import formats
from pipelines.contracts.columns import custom_values, problem
from pipelines.contracts.parts import NEGATIVE_STYLES, Dialect

if TYPE_CHECKING:
    from pathlib import Path

MAX_SKIPPED_LINES = 1000
"""More lines beside the rows would be another table."""


def read_dialect(path: Path, server: Any) -> Dialect:
    """The dialect that a contract's server describes, each setting checked."""
    custom = custom_values(server.customProperties)
    known = {
        "delimiter": "delimiter",
        "quote": "quote",
        "escape": "escape",
        "skipLines": "skip_lines",
        "skipLastLines": "skip_last_lines",
        "columns": "columns",
        "nullValue": "null_value",
        "nullValues": "further_null_values",
        "decimalMark": "decimal_mark",
        "thousandsMark": "thousands_mark",
        "currencySign": "currency_sign",
        "negativeStyle": "negative_style",
        "dateFormat": "date_format",
        "timestampFormat": "timestamp_format",
        "timezone": "timezone",
    }
    for name in custom:
        if name not in known:
            raise problem(
                path, f"servers.customProperties.{name}", "unknown setting", f"use one of {', '.join(known)}"
            )
    csv_shape = {k: custom.pop(k) for k in ("skipLines", "skipLastLines", "columns") if k in custom}
    further_nulls = _further_null_values(path, custom.pop("nullValues", None))
    for name, value in custom.items():
        if value is not None and not isinstance(value, str):
            raise problem(
                path, f"servers.customProperties.{name}", f"{value!r} is no text", "put it in quotes"
            )
    dialect = Dialect(
        encoding=server.encoding or "utf-8",
        further_null_values=further_nulls,
        **{known[k]: v for k, v in custom.items() if v is not None},
    )
    dialect = replace(dialect, **_csv_shape(path, csv_shape))
    if dialect.delimiter == "\\t":
        dialect = replace(dialect, delimiter="\t")
    try:
        is_text = codecs.lookup(dialect.encoding)._is_text_encoding
    except LookupError:
        is_text = False
    if not is_text:
        raise problem(
            path, "servers.encoding", f"unknown encoding {dialect.encoding!r}", "use utf-8, gbk, latin-1 …"
        )
    for place, value in (
        ("delimiter", dialect.delimiter),
        ("quote", dialect.quote),
        ("escape", dialect.escape),
        ("decimalMark", dialect.decimal_mark),
    ):
        may_be_none = place in ("quote", "escape") and not value
        if not may_be_none and (len(value) != 1 or value in "\r\n\0"):
            raise problem(path, f"servers.{place}", f"{value!r} is not one character", "give exactly one")
    if len(dialect.thousands_mark) > 1:
        raise problem(
            path,
            "servers.thousandsMark",
            f"{dialect.thousands_mark!r} is not one character",
            "give one, or '' for none",
        )
    if dialect.delimiter == dialect.quote:
        raise problem(path, "servers.quote", "the same as delimiter", "they must differ")
    if dialect.escape and (dialect.escape == dialect.delimiter or not dialect.quote):
        raise problem(
            path,
            "servers.escape",
            "the same as delimiter" if dialect.quote else "there is no quote to escape",
            "give the character that stands before a quote within quotes, or leave it out where quotes are doubled",
        )
    if dialect.decimal_mark == dialect.thousands_mark:
        raise problem(path, "servers.thousandsMark", "the same as decimalMark", "they must differ")
    _check_numbers(path, dialect)
    for place, format_, type_ in (
        ("dateFormat", dialect.date_format, "DATE"),
        ("timestampFormat", dialect.timestamp_format, "TIMESTAMP"),
    ):
        if fault := formats.fault(format_, type_):
            raise problem(path, f"servers.{place}", *fault)
    if dialect.timezone is not None and dialect.timezone not in available_timezones():
        raise problem(
            path,
            "servers.timezone",
            f"unknown timezone {dialect.timezone!r}",
            "use a name such as Asia/Shanghai",
        )
    return dialect


def _csv_shape(path: Path, custom: dict[str, Any]) -> dict[str, Any]:
    """Where a CSV file's rows begin and what its columns are called, where its first line does not say."""
    shape: dict[str, Any] = {}
    names = custom.get("columns")
    for setting, name, where in (
        ("skipLines", "skip_lines", "above the header"),
        ("skipLastLines", "skip_last_lines", "below the rows"),
    ):
        lines = custom.get(setting)
        if lines is None:
            continue
        if type(lines) is not int or not 0 <= lines <= MAX_SKIPPED_LINES:
            raise problem(
                path,
                f"servers.{setting}",
                f"{lines!r} is no number of lines",
                f"give a whole number from 0 to {MAX_SKIPPED_LINES}: the lines that stand {where}",
            )
        shape[name] = lines
    if names is not None:
        if not isinstance(names, list) or not names or not all(isinstance(n, str) and n for n in names):
            raise problem(
                path, "servers.columns", f"{names!r} is no list of names", "write [receipt, customer, amount]"
            )
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise problem(
                path, "servers.columns", f"{twice[0]!r} stands twice", "give each place a name of its own"
            )
        shape["columns"] = tuple(names)
    return shape


def _further_null_values(path: Path, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise problem(
            path,
            "servers.customProperties.nullValues",
            f"{value!r} is no list of texts",
            'write for example ["NULL", "-"]',
        )
    return tuple(value)


def _check_numbers(path: Path, dialect: Dialect) -> None:
    """Each sign in a number must mean one thing."""
    if dialect.negative_style not in NEGATIVE_STYLES:
        raise problem(
            path,
            "servers.negativeStyle",
            f"unknown {dialect.negative_style!r}",
            f"use one of {', '.join(NEGATIVE_STYLES)}",
        )
    for place, value in (
        ("decimalMark", dialect.decimal_mark),
        ("thousandsMark", dialect.thousands_mark),
        ("currencySign", dialect.currency_sign),
    ):
        if any(sign in "0123456789+-()" for sign in value) or (len(value) == 1 and value in "eE_"):
            raise problem(
                path, f"servers.{place}", f"{value!r} means something else in a number", "use another sign"
            )
    marks = {dialect.decimal_mark, dialect.thousands_mark} - {""}
    if (
        any(mark in dialect.currency_sign for mark in marks)
        or dialect.currency_sign.strip() != dialect.currency_sign
    ):
        raise problem(
            path,
            "servers.currencySign",
            f"{dialect.currency_sign!r} holds a blank or a mark of numbers",
            "give the sign alone, such as ¥, € or CHF",
        )
