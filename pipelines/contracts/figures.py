"""Figures and dates as a person writes them in a policy or a setting: read to the last digit, or refused.

Only plain ASCII figures: what Python takes for a number (full-width digits, 1_000, 1e20, a week date) a database may not,
and what has more digits than the type that keeps it would be rounded there in silence.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def whole(text: str) -> int:
    """A whole number of up to nine digits.

    Raises:
        ValueError: it is none; the text says what to write.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is no whole number in plain digits, such as 3")
    return int(text)


def number(text: str, digits: int, decimals: int) -> Decimal:
    """A number that a DECIMAL(digits, decimals) holds as it is written.

    Raises:
        ValueError: it is none, or has more digits; the text says what to write.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no number in plain digits, such as 0.25; no exponent, no other signs")
    value = Decimal(text)
    return fitting(value, digits, decimals)


def fitting(value: Decimal, digits: int, decimals: int) -> Decimal:
    """A number that a DECIMAL(digits, decimals) holds to the last digit.

    Raises:
        ValueError: it would be rounded, or is too large.
    """
    exponent = value.normalize().as_tuple().exponent if value else 0
    if isinstance(exponent, int) and -exponent > decimals:
        kept = "no decimals" if decimals == 0 else f"at most {decimals} decimals"
        raise ValueError(f"{value} has more decimals than are kept; round it yourself, to {kept}")
    if abs(value) >= Decimal(10) ** (digits - decimals):
        raise ValueError(f"{value} is too large; at most {digits - decimals} digits stand before the point")
    return value


def day(text: str) -> date:
    """A date as YYYY-MM-DD.

    Raises:
        ValueError: it is none.
    """
    if not _DAY.fullmatch(text):
        raise ValueError(f"{text!r} is no date; write it as YYYY-MM-DD, in plain digits")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no day of the calendar; dates are YYYY-MM-DD") from error
