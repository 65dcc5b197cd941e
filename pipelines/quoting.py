"""Quoting: any name or value is data, never part of the language it is written into."""

from __future__ import annotations


def ident(name: str) -> str:
    """Quote an identifier: any name is a name, never SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Quote a string literal."""
    return "'" + value.replace("'", "''") + "'"
