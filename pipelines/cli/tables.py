"""Tables that cut nothing: in a narrow window names fold, and in a narrower one the rows stand one below the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType

_NARROWEST = 16
"""A column of text gets no narrower than this, or than its longest word: folded more often, a name is not to be read."""


@dataclass
class Listing:
    """Rows with a title, for people. Cells are plain text; nothing in them is taken for markup.

    Cells of `figures` stand at the right and stay whole; all other text may fold. A row that is None draws a line.
    """

    title: str | None
    columns: Sequence[str]
    figures: frozenset[str] | set[str] = frozenset()
    rows: list[tuple[str, ...] | None] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """One row, in the columns' order."""
        self.rows.append(cells)

    def add_line(self) -> None:
        """A line between the rows before and after, say above a sum."""
        self.rows.append(None)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for gap, whole in ((1, True), (0, True), (1, False), (0, False)):
            widths = self._least_widths(whole=whole)
            room = options.max_width - sum(widths) - (len(widths) - 1) * (gap + 1)
            if room >= 0:
                yield self._table(gap, self._widened(widths, room))
                return
        yield from self._stacked()

    def _cells(self, place: int) -> list[str]:
        return [self.columns[place], *(row[place] for row in self.rows if row)]

    def _least_widths(self, *, whole: bool) -> list[int]:
        """What each column needs with its words whole, or folded as far as one may."""
        wide = []
        for place, name in enumerate(self.columns):
            cells = self._cells(place)
            if name in self.figures:
                wide.append(max(map(_width, cells)))
            else:
                word = max((cell_len(word) for cell in cells for word in cell.split()), default=0)
                wide.append(word if whole else min(word, _NARROWEST))
        return wide

    def _widened(self, widths: list[int], room: int) -> list[int]:
        """What is left goes to the columns from the left, so that names stand whole before sentences; Rich would fold both."""
        wide = []
        for place, width in enumerate(widths):
            more = min(room, max(map(_width, self._cells(place))) - width)
            room -= more
            wide.append(width + more)
        return wide

    def _table(self, gap: int, widths: list[int]) -> Table:
        table = Table(
            title=self._heading(), title_justify="left", title_style="", box=SIMPLE_HEAD, show_edge=False,
            padding=(0, gap, 0, 0), pad_edge=False,
        )  # fmt: skip
        for name, width in zip(self.columns, widths, strict=True):
            is_figure = name in self.figures
            table.add_column(
                Text(name),
                justify="right" if is_figure else "left",
                no_wrap=is_figure,
                overflow="fold",
                width=width,
            )
        for row in self.rows:
            if row is None:
                table.add_section()
            else:
                table.add_row(*map(Text, row))
        return table

    def _stacked(self) -> Iterator[RenderableType]:
        """Each row as its first cell, and below it the others that say something, each beside its column's name."""
        if self.title:
            yield self._heading()
        for row in filter(None, self.rows):
            first = (f"{self.columns[0]} ", "dim") if self.columns[0] else ""
            yield Text.assemble(first, row[0] or "–", overflow="fold")
            below = Table.grid(padding=(0, 2, 0, 0))
            below.add_column(no_wrap=True)
            below.add_column(overflow="fold")
            for name, cell in zip(self.columns[1:], row[1:], strict=True):
                if cell:
                    below.add_row(Text(f"  {name}"), Text(cell))
            if below.row_count:
                yield below

    def _heading(self) -> Text:
        return Text(self.title or "", style="bold")


def _width(cell: str) -> int:
    return max(map(cell_len, cell.splitlines()), default=0)


def facts_table(pairs: Sequence[tuple[str, str]]) -> Table:
    """Names at the left, texts at the right that wrap within their own column. Names may have markup, texts are plain."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in pairs:
        table.add_row(name, Text(text))
    return table


def count(value: int | None) -> str:
    """A count with its thousands grouped; – where there is none."""
    return "–" if value is None else f"{value:,}"
