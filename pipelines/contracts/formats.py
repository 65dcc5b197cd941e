"""The formats of dates and times that a contract may give: which there are, and exactly which texts they mean.

A format is made of strptime codes of which each means one thing. What could mean two is refused when the contract is
read: a clock of twelve hours without AM and PM, the name of a timezone, a year without its day.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelines.contracts.parts import ISO

if TYPE_CHECKING:
    from collections.abc import Iterator

_MONTHS = ["January", "February", "March", "April", "May", "June",
           "July", "August", "September", "October", "November", "December"]  # fmt: skip
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
OFFSET = r"(?:Z|[+-](?:(?:0\d|1[0-7])(?::?[0-5]\d)?|18(?::?00)?))"
"""An offset from UTC; none was ever of more than 18 hours."""


def _names(names: list[str]) -> str:
    return f"(?i:{'|'.join(names)})"


_SHAPES = {
    "Y": r"\d{4}", "y": r"\d{2}", "m": r"\d{2}", "d": r"\d{2}", "j": r"(\d{3})",
    "H": r"\d{2}", "I": r"\d{2}", "M": r"\d{2}", "S": r"\d{2}", "f": r"\d{6}", "p": r"(?i:AM|PM)", "z": OFFSET,
    "b": _names([m[:3] for m in _MONTHS]), "B": _names(_MONTHS),
    "a": _names([d[:3] for d in _DAYS]), "A": _names(_DAYS), "%": "%",
}  # fmt: skip
_SHORT = {**dict.fromkeys("mdHIMS", r"\d{1,2}"), "f": r"\d{1,6}"}
"""Codes that may leave out their zeros where no digits stand beside them."""
_MEANS = {"y": "Y", "b": "m", "B": "m", "I": "H", "A": "a"}
"""Codes for what another code tells too."""
_WAYS_OUT = {
    "Z": "the name of a zone means several (CST, BST, IST); use %z for offsets, or the setting timezone",
    "s": "for seconds since 1970 read the column as BIGINT and derive the time by transformLogic",
    **dict.fromkeys("cxX", "it differs from country to country; write it out, as %d/%m/%Y"),
    **dict.fromkeys("UWVGuw", "weeks are not read; read the column as VARCHAR and derive the date by transformLogic"),
}  # fmt: skip


def codes(format_: str) -> list[tuple[str, str]]:
    """A format's parts in order: code and "" each, or "" and the text between codes."""
    return re.findall(r"%(-?.|$)|([^%]+)", format_, flags=re.DOTALL)


def _digits(part: tuple[str, str], *, first: bool) -> bool:
    """Whether a part begins (`first`) or ends with digits."""
    code, text = part
    if text:
        return (text[0] if first else text[-1]).isdigit()
    return code.lstrip("-") in "YymdjHIMSf"


def _parts(format_: str) -> Iterator[tuple[str, str, bool]]:
    """Code, text, and whether digits stand directly beside it."""
    parts = codes(format_)
    for i, (code, text) in enumerate(parts):
        before = i > 0 and _digits(parts[i - 1], first=False)
        after = i + 1 < len(parts) and _digits(parts[i + 1], first=True)
        yield code, text, before or after


def shape(format_: str) -> str:
    """A regular expression of the texts that a format means, blanks around them aside; its one group is the day of the year.

    A blank in it stands for one or more. Zeros in front may be left out where no digits stand beside.
    """
    regex = ""
    for code, text, is_beside in _parts(format_):
        if text:
            regex += re.sub(r"(\\?\s)+", r"\\s+", re.escape(text))
        else:
            short = None if is_beside else _SHORT.get(code.lstrip("-"))
            regex += short or _SHAPES[code]
    return rf"\s*{regex}\s*"


def is_plain(format_: str) -> bool:
    """Whether DuckDB's CSV reader takes just the texts that the format means: whole fields, kept apart by other signs."""
    return all(
        text or (code.lstrip("-") in ("Y", "m", "d", "H", "M", "S") and not is_beside)
        for code, text, is_beside in _parts(format_)
    )


def has_time(format_: str) -> bool:
    """Whether a format tells the time of day."""
    return any(code.lstrip("-") in "HIMSfp" for code, text in codes(format_) if not text)


def has_weekday(format_: str) -> bool:
    """Whether a format names the day of the week."""
    return any(code in "aA" for code, text in codes(format_) if not text)


def has_day_of_year(format_: str) -> bool:
    """Whether a format counts the days of the year."""
    return any(code == "j" for code, text in codes(format_) if not text)


def fault(format_: str, type_: str) -> tuple[str, str] | None:
    """What is wrong with a format of DATE or TIMESTAMP columns, and the way out; None where nothing is."""
    if format_ == ISO:
        return None
    if "%" not in format_:
        return f"format {format_!r} has no strptime codes", f"use {_in_codes(format_)}, or {ISO}"
    found: list[str] = []
    for code, text, is_beside in _parts(format_):
        name = code.lstrip("-")
        if text:
            continue
        if name not in _SHAPES or name == "" or (code != name and name not in _SHORT):
            way = _WAYS_OUT.get(name, f"use {', '.join(f'%{c}' for c in _SHAPES)} or {ISO}")
            return f"format {format_!r} has %{code}, which is not read", f"mend it: {way}"
        if code != name and is_beside:
            return (
                f"format {format_!r} has %{code} beside digits, and 111 may be 1 and 11 or 11 and 1",
                "mend it: use codes of full width, or text between them",
            )
        if name != "%":
            found.append(_MEANS.get(name, name))
    raw = {code.lstrip("-") for code, text in codes(format_) if not text}
    twice = next((code for code in found if found.count(code) > 1), None)
    lacks = _lacks(set(found), raw)
    if twice is not None:
        return f"format {format_!r} tells %{twice} twice", "mend it: once is enough"
    if lacks is not None:
        return f"format {format_!r} {lacks[0]}", f"mend it: {lacks[1]}"
    if type_ == "DATE" and "z" in raw:
        return f"format {format_!r} has an offset, and a DATE is of no zone", "mend it: read it as TIMESTAMP"
    return None


def _lacks(found: set[str], raw: set[str]) -> tuple[str, str] | None:
    if not ({"Y", "m", "d"} <= found or {"Y", "j"} <= found):
        return "tells no whole date", "give year, month and day"
    if ("I" in raw) != ("p" in raw):
        return "has one of %I and %p without the other", "use both, or %H"
    for part, whole in (("M", "H"), ("S", "M"), ("f", "S")):
        if part in found and whole not in found:
            return f"has %{part} without %{whole}", f"add %{whole}"
    if "z" in found and "H" not in found:
        return "has %z without a time", "add %H:%M"
    return None


def _in_codes(format_: str) -> str:
    """What a format written as YYYY-MM-DD hh:mm:ss is in strptime codes; without such letters an example."""
    runs = list(re.finditer(r"[Yy]{2,4}|[Mm]{1,2}|[Dd]{1,2}|[Hh]{1,2}|[Ss]{1,2}", format_))
    if not runs:
        return "for example %d/%m/%Y"
    text, end, after_hour = "", 0, False
    for run in runs:
        letter, length = run.group()[0].upper(), len(run.group())
        after_hour = after_hour or letter == "H"
        code = {"Y": "Y" if length > 2 else "y", "M": "M" if after_hour else "m", "D": "d"}.get(
            letter, letter
        )
        text, end = text + format_[end : run.start()] + "%" + code, run.end()
    text += format_[end:]
    return text if fault(text, "TIMESTAMP") is None else "for example %d/%m/%Y"
