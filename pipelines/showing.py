"""Showing: how what comes from data is written into anything that people read, and what of it is not written at all.

Messages reach terminals, logs, the ledger, Airflow, mails and chat rooms, all with readers of their own. So no value of a
personal column stands in any of them, no text of a row whose contract has such a column, and no e-mail address, wherever
it stands. The rest is cut in length, and what a terminal would obey is written out.
"""

from __future__ import annotations

import re
import unicodedata

HIDDEN = "…"
"""Stands for a value that is not shown."""

_NOT_SHOWN = "what it says may hold values of the data, and is not shown"
_LIMIT = 60
_ADDRESS = re.compile(r"[^\s@＠<>()\[\]{}\"',;:=|]{1,64}\s?[@＠]\s?[^\s@＠<>()\[\]{}\"',;:=|]+")
"""A local part has 64 characters at most; without that bound a long text would be gone through for each of its characters."""
_LONGEST_ADDRESS = 320
_ABOUT_DATA = (
    "Conversion|Invalid Input|Out of Range|Constraint|Mismatch Type|Invalid Type|Type Mismatch|INTERNAL"
)
_DATABASE_SAID = re.compile(
    rf"(?s)\b({_ABOUT_DATA}) Error:.*(?=\n\s*compiled code at )|\b({_ABOUT_DATA}) Error:.*"
)

_CONDITION = r"\[[A-Z][A-Z0-9]*_[A-Z0-9_]*(?:\.[A-Z0-9_]+)*\]"
_THROWN = r"(?:java|javax|scala|org\.apache|py4j|pyspark)(?:\.[\w$]+)*\.[\w$]*(?:Exception|Error)\b"
_CALLED = r"An error occurred while calling [\w.]+\s*:\s*"
_SPARK_BEGINS = (
    rf"(?:{_CALLED}|An exception was thrown from the Python worker[.:]|Job aborted due to stage failure"
    # What gRPC passes on stands in quotes.
    rf"|{_THROWN}|(?:(?<![^\s:])|(?<=\bdetails = \")){_CONDITION} )"
)
_SPARK_SAID = re.compile(rf"(?s){_SPARK_BEGINS}.*(?=\n\s*compiled code at )|{_SPARK_BEGINS}.*")
_SPARK_NAMED = re.compile(rf"(?:{_CALLED})?(?:{_THROWN}: )?({_CONDITION})")
_SPARK_WITHIN = re.compile(rf"\borg\.apache\.spark[\w.$]*(?:Exception|Error): ({_CONDITION})")
_SPARK_THROWN = re.compile(_THROWN)
_SPARK_ENDS = re.compile(r";?\n\n|;\n|\n\s+at |\n*JVM stacktrace:")
_OF_SQL = frozenset(
    (
        *("AMBIGUOUS_REFERENCE", "COLUMN_ALREADY_EXISTS", "DATATYPE_MISMATCH", "FAILED_READ_FILE"),
        *("GROUP_BY_AGGREGATE", "INCOMPATIBLE_DATA_FOR_TABLE", "INSERT_COLUMN_ARITY_MISMATCH"),
        *("LOCATION_ALREADY_EXISTS", "MISSING_AGGREGATION", "MISSING_GROUP_BY", "NUM_COLUMNS_MISMATCH"),
        *("PARSE_SYNTAX_ERROR", "PATH_NOT_FOUND", "RECURSION_LEVEL_LIMIT_EXCEEDED"),
        *("SCALAR_SUBQUERY_TOO_MANY_ROWS", "SCHEMA_NOT_FOUND", "TABLE_OR_VIEW_ALREADY_EXISTS"),
        *("TABLE_OR_VIEW_NOT_FOUND", "UNRESOLVED_COLUMN", "UNRESOLVED_ROUTINE", "WRONG_NUM_ARGS"),
    )
)
"""Conditions of Spark whose sentences have names, types, places and numbers of a query, and no value of any row."""
_SPARK_SIGNS = re.compile(
    r"java\.lang\.OutOfMemoryError(?:: (?:Java heap space|GC overhead limit exceeded|Metaspace|Direct buffer memory))?"
    r"|java\.(?:io|nio\.file)\.\w+: (?:[^\n]*\W)?(?:No space left on device|Disk quota exceeded|Permission denied"
    r"|Read-only file system|Input/output error|Mkdirs failed to create)"
    r"|(?:Container|Pod) killed\b|ExecutorLostFailure|Python worker exited unexpectedly|All masters are unresponsive"
)
"""What says, without a word of the data, that it was no fault of the data."""
_PATH_OF_SIGN = re.compile(r"^(java\.(?:io|nio\.file)\.\w+: ).*\W(?=[A-Z])")


def visible(text: str, keep: str = "") -> str:
    r"""The text with all that cannot be seen, or that a terminal obeys, written as an escape such as `\x1b`.

    Args:
        text: Any text.
        keep: Characters to leave as they are, say line breaks.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _escape(c) for c in text)


def _escape(character: str) -> str:
    # surrogateescape'd bytes of a file name, and halves of a surrogate pair, have no other spelling
    return character.encode("unicode_escape").decode("ascii")


def without_addresses(text: str) -> str:
    """The text without e-mail addresses: as an identifier they are personal data in a column that is not."""
    return _ADDRESS.sub("…@…", text)


def sql_without_addresses(text: str) -> str:
    """SQL: the same of a text in the database."""
    pattern = _ADDRESS.pattern.replace("'", "''")
    return f"regexp_replace({text}, '{pattern}', '…@…', 'g')"


def has_address(text: str) -> bool:
    """Whether an e-mail address stands in the text."""
    return _ADDRESS.search(text) is not None


def cut(text: str, limit: int) -> str:
    """At most so many characters of the text; … says that there are more."""
    return text if len(text) <= limit else text[:limit] + HIDDEN


def shown(value: object, *, is_personal: bool = False, limit: int = _LIMIT) -> str:
    """A value as it may stand in a message: quoted and cut, or … where it is personal."""
    if is_personal:
        return f"'{HIDDEN}'"
    # An address that begins where the text is cut would be none any more.
    start = str(value)[: limit + _LONGEST_ADDRESS]
    return f"'{cut(visible(without_addresses(start)), limit)}'"


def without_values(text: str) -> str:
    """What a library passed on of DuckDB or Spark, without what these say of values: only the kind of the error stays."""

    def kind(match: re.Match[str]) -> str:
        return f"{match[1] or match[2]} Error ({_NOT_SHOWN})"

    return _DATABASE_SAID.sub(kind, _SPARK_SAID.sub(_sparks_kind, text))


def _sparks_kind(match: re.Match[str]) -> str:
    """Of Spark's sentence and the stack below it the condition's name, and what is known to be of the machine or the SQL."""
    said = match[0]
    named = _SPARK_NAMED.match(said)
    if named is not None and named[1].strip("[]").partition(".")[0] in _OF_SQL:
        return _SPARK_ENDS.split(said[named.start(1) :])[0]
    within = named or _SPARK_WITHIN.search(said)
    thrown = [name for name in _SPARK_THROWN.findall(said) if not name.startswith("org.apache.spark.Spark")]
    kind = within[1] if within else thrown[0] if thrown else "an error in a task of Spark"
    signs = dict.fromkeys(_PATH_OF_SIGN.sub(r"\1", sign) for sign in _SPARK_SIGNS.findall(said))
    return f"{kind} ({'; '.join((*signs, _NOT_SHOWN))})"


_BREAKS = re.compile(r"([;\t\r\n])")
"""Where a spreadsheet may begin another cell, whatever the delimiter is."""
_RUNS = re.compile(r"[\s\u200b-\u200f\u2060\ufeff\x00-\x1f]*[=+\-@＝＋－＠−﹢﹣﹦﹫|%]")
_NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?\s*")


def for_spreadsheet(text: str, *, keep_numbers: bool = True) -> str:
    """The text as a cell that no spreadsheet runs.

    An apostrophe stands before what begins like a formula and is no number, at the start and after each semicolon, tab
    and line break; and before an apostrophe there, so that taking one away at these places gives the text again.

    Args:
        text: Any text.
        keep_numbers: Whether what reads as a number is one; of a telephone number a sheet would make 8.61E+12.
    """
    parts = _BREAKS.split(text)
    parts[::2] = [
        _no_formula(part, is_first=place == 0, text=text, keep_numbers=keep_numbers)
        for place, part in enumerate(parts[::2])
    ]
    return "".join(parts)


def _no_formula(part: str, *, is_first: bool, text: str, keep_numbers: bool) -> str:
    is_break = is_first and not part and text != ""
    is_kept = keep_numbers and _NUMBER.fullmatch(part) is not None
    runs = _RUNS.match(part) is not None and not is_kept
    return f"'{part}" if is_break or runs or part.startswith("'") else part


_JOINERS = "\u200c\u200d"
"""What holds letters of some scripts, and the parts of an emoji, together."""


def on_one_line(text: str) -> str:
    """The text on one line and in the order in which it is read: without line breaks, and marks that nobody sees."""
    plain = "".join(
        " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c
        for c in text
        if c in _JOINERS or unicodedata.category(c) not in ("Cf", "Cs")
    )
    return " ".join(plain.split())
