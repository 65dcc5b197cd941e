"""What contracts are made of: columns, row rules, and how a landing file is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality

ISO = "iso8601"
"""Date and timestamp format that stands for ISO 8601, with or without an offset."""

NEGATIVE_STYLES = ("leading", "trailing", "parentheses")
ROUNDINGS = ("halfUp",)
FORMATS = ("csv", "jsonl", "parquet")
TYPES = re.compile(
    r"^(VARCHAR|BOOLEAN|INTEGER|BIGINT|DOUBLE|DATE|TIMESTAMP|DECIMAL\((\d{1,2}),(\d{1,2})\))\Z"
)
NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}\Z")
LOAD_COLUMNS = {"business_date": "DATE", "partition_date": "DATE", "file_id": "VARCHAR"}
"""What loading adds to each raw row: the local date it counts for, its landing folder's date, and its file."""

FILE_COLUMNS = {"file_name": "VARCHAR", "file_line": "BIGINT"}
"""What an expression or rule may use of the row's place: its file below the landing folder, and its line there."""

SET_ASIDE_AS = {"rejectIf": "rejected", "ignoreIf": "ignored"}
"""The settings that name rows which are not ours to load, and what becomes of such a row."""


@dataclass(frozen=True)
class Column:
    """A contract's column: its name here, its name at the source, its type and its row rules."""

    name: str
    source_name: str
    type: str
    description: str
    required: bool = False
    key_position: int | None = None
    classification: str = "internal"
    expression: str | None = None
    """SQL over the contract's other columns that gives the value; None when the source has the column."""
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    allowed: tuple[str, ...] | None = None
    format: str | None = None
    """strptime format of this column where it differs from the file's."""
    rounding: str | None = None
    """What becomes of more decimals than the type has; None: the row is bad."""
    quality: tuple[DataQuality, ...] = ()
    is_published: bool = False
    """A deployment's own column that is to reach BI; see `catalog.PUBLISHED_IN`."""
    may_be_missing: bool = False
    """Whether a file without the column is good, and the value empty; else such a file is refused."""
    anonymous_values: tuple[str, ...] | None = None
    """Texts that stand for nobody and become empty, as blanks do; None where every text is a value."""
    is_customer_number: bool = False
    """Whether it says whose row it is, under another name than `customer_id`; see `persons`."""
    is_hidden: bool = False
    """Whether its values may stand in no reason, as one of a personal column may have slipped into it."""

    @property
    def is_personal(self) -> bool:
        """Personal data stays in `raw` and the restricted schema."""
        return self.is_hidden or self.classification == "pii"

    @property
    def is_identifier(self) -> bool:
        """A text that names something: part of the key, or called `…_id`."""
        return self.type == "VARCHAR" and (self.key_position is not None or self.name.endswith("_id"))


@dataclass(frozen=True)
class RowRule:
    """A named condition over a row's columns.

    Of a contract's `rules` it must be true of a row that is loaded; of its `set_aside` it must not.
    """

    name: str
    description: str
    condition: str


@dataclass(frozen=True)
class Dialect:
    """How a landing file is written."""

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    """Empty: no field is quoted, and a quote is text like any other."""
    escape: str = ""
    """Character that stands before a quote within quotes; empty: a quote is doubled."""
    skip_lines: int = 0
    """CSV: physical lines above the header, or above the first row where there is no header."""
    skip_last_lines: int = 0
    """CSV: physical lines at the end that are no rows, such as a total; blank ones behind them do not count."""
    columns: tuple[str, ...] = ()
    """CSV without a header: the names of its fields by their place."""
    null_value: str = ""
    further_null_values: tuple[str, ...] = ()
    decimal_mark: str = "."
    thousands_mark: str = ""
    currency_sign: str = ""
    """A sign that may stand before or behind amounts."""
    negative_style: str = "leading"
    """How negative numbers may be written besides a leading minus; see NEGATIVE_STYLES."""
    date_format: str = "%Y-%m-%d"
    timestamp_format: str = "%Y-%m-%d %H:%M:%S"
    timezone: str | None = None

    @property
    def null_values(self) -> tuple[str, ...]:
        """The texts that stand for no value."""
        return tuple(dict.fromkeys((self.null_value, *self.further_null_values)))
