"""Quoting: any name or value is data, never part of the language it is written into."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def ident(name: str) -> str:
    """Quote an identifier: any name is a name, never SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Quote a string literal."""
    return "'" + value.replace("'", "''") + "'"


_GLOB = str.maketrans({"*": "[*]", "?": "[?]", "[": "[[]"})


def file_literal(path: object) -> str:
    """Quote a path for DuckDB's readers: a file name is one file, never a pattern."""
    return literal(no_pattern(path))


def no_pattern(path: object) -> str:
    """A path as DuckDB's readers are to be given it: with what would be a pattern's sign in brackets."""
    return str(path).translate(_GLOB)


def literals(values: Iterable[str]) -> str:
    """A list of string literals."""
    return f"[{', '.join(map(literal, values))}]"
