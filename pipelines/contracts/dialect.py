"""Reads how a dataset's landing files are written: encoding, delimiter, marks, formats, timezone."""

from __future__ import annotations

import codecs
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from pipelines.contracts.columns import custom_values, problem
from pipelines.contracts.model import Dialect

if TYPE_CHECKING:
    from pathlib import Path


def read_dialect(path: Path, server: Any) -> Dialect:
    """The dialect that a contract's server describes, each setting checked."""
    custom = custom_values(server.customProperties)
    known = {
        "delimiter": "delimiter",
        "quote": "quote",
        "nullValue": "null_value",
        "decimalMark": "decimal_mark",
        "thousandsMark": "thousands_mark",
        "dateFormat": "date_format",
        "timestampFormat": "timestamp_format",
        "timezone": "timezone",
    }
    for name in custom:
        if name not in known:
            raise problem(
                path, f"servers.customProperties.{name}", "unknown setting", f"use one of {', '.join(known)}"
            )
    for name, value in custom.items():
        if value is not None and not isinstance(value, str):
            raise problem(
                path, f"servers.customProperties.{name}", f"{value!r} is no text", "put it in quotes"
            )
    dialect = Dialect(
        encoding=server.encoding or "utf-8", **{known[k]: v for k, v in custom.items() if v is not None}
    )
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
        ("decimalMark", dialect.decimal_mark),
    ):
        if len(value) != 1 or value in "\r\n\0":
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
    if dialect.decimal_mark == dialect.thousands_mark:
        raise problem(path, "servers.thousandsMark", "the same as decimalMark", "they must differ")
    if dialect.timezone is not None and dialect.timezone not in available_timezones():
        raise problem(
            path,
            "servers.timezone",
            f"unknown timezone {dialect.timezone!r}",
            "use a name such as Asia/Shanghai",
        )
    return dialect
