"""What is held depends on what is landed alone: not on when, in which order or how often it was loaded."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from loading_world import World
from shortening import examples

from pipelines.load import load_datasets
from pipelines.warehouse import ledger

START = date(2024, 1, 29)
DATES = [START + timedelta(days=n) for n in range(6)]
KEY = "transaction_id, line_number"


@dataclass(frozen=True)
class Line:
    """A transaction line; `late` is by how many days its file's date is later than its sale."""

    number: int
    customer: int
    cents: int
    late: int = 0

    def csv(self, day: date) -> str:
        sold = day - timedelta(days=self.late)
        return f"t{self.number},1,c{self.customer},{sold} 10:00:00,{self.cents / 100:.2f},1,,,,note"


Files = dict[str, tuple[Line, ...]]
"""A date's files by name."""


@dataclass(frozen=True)
class History:
    """Per date what is landed in the end, and for some dates what was landed at first."""

    final: dict[date, Files]
    earlier: dict[date, Files]
    order: tuple[date, ...]
    """The dates in another order."""


# Few numbers, so that keys come again: within a file, in the date's other file, on another date.
LINES = st.builds(
    Line,
    number=st.integers(1, 6),
    customer=st.integers(1, 3),
    cents=st.integers(-500, 2000),
    late=st.integers(0, 3),
)
FILES = st.dictionaries(
    st.sampled_from(["a.csv", "b.csv"]), st.lists(LINES, max_size=5).map(tuple), min_size=1
)


@st.composite
def histories(draw: st.DrawFn) -> History:
    dates = draw(st.lists(st.sampled_from(DATES), unique=True, min_size=2))
    final = {day: draw(FILES) for day in sorted(dates)}
    earlier = {day: draw(FILES) for day in draw(st.lists(st.sampled_from(dates), unique=True, min_size=1))}
    for day in earlier:  # the usual correction: the same file with some rows less, the second file gone
        if draw(st.booleans()):
            final[day] = {name: lines[: len(lines) // 2] for name, lines in sorted(earlier[day].items())[:1]}
    return History(final, earlier, tuple(draw(st.permutations(dates))))


def daily(history: History, land: Callable[[date, Files], None], load: Callable[..., None]) -> None:
    for day, files in history.final.items():
        land(day, files)
        load(day)


def bulk(history: History, land: Callable[[date, Files], None], load: Callable[..., None]) -> None:
    for day, files in history.final.items():
        land(day, files)
    load()


def shuffled(history: History, land: Callable[[date, Files], None], load: Callable[..., None]) -> None:
    for day in history.order:
        land(day, history.final[day])
        load(day)


def corrected(history: History, land: Callable[[date, Files], None], load: Callable[..., None]) -> None:
    """First the earlier versions, in one pass with what is not corrected; then the final ones, newest first."""
    for day, files in (history.final | history.earlier).items():
        land(day, files)
    load()
    for day in sorted(history.earlier, reverse=True):
        land(day, history.final[day])
        load(day)


def twice(history: History, land: Callable[[date, Files], None], load: Callable[..., None]) -> None:
    for _ in range(2):
        bulk(history, land, load)
    load(reload=True)


def removed(history: History, land: Callable[[date, Files], None], load: Callable[..., None]) -> None:
    """Everything, and a date more; the files of some dates go and come back, that date's go for good."""
    extra = max(history.final) + timedelta(days=1)
    for day, files in {**history.final, extra: history.final[history.order[0]]}.items():
        land(day, files)
    load()
    for day in (extra, *history.order[1:]):
        land(day, {})
    load(remove_missing=True)
    bulk(history, land, load)


WAYS = (daily, shuffled, corrected, twice, removed)


def held(home: Path, history: History, way: Callable[..., None]) -> dict[str, list[tuple[Any, ...]]]:
    """Raw, what staging makes of it, and what was set aside, after loading the history in this way."""
    world = World(home).setting(toleratedKeyReuseRate=1)

    def land(day: date, files: Files) -> None:
        for stale in (world.settings.landing / "transactions" / str(day)).glob("*"):
            stale.unlink()
        for name, lines in files.items():
            world.rows(*(line.csv(day) for line in lines), day=str(day), name=name)

    def load(day: date | None = None, **how: bool) -> None:
        load_datasets(world.settings, ledger.new_run_id("load", START), day, day, **how)

    way(history, land, load)
    rows = "select * exclude (file_id) from raw.transactions"
    newest = f"row_number() over (partition by {KEY} order by partition_date desc) = 1"
    # As dbt_project/macros/held_rows.sql has it: only the keys that are noted as contested are ranked.
    noted = "select * from raw.transactions__contested"
    staged = (
        f"{rows} anti join ({noted}) using ({KEY}) union all "
        f"({rows} semi join ({noted}) using ({KEY}) qualify {newest})"
    )
    by_rule = world.query(f"select * from ({rows} qualify {newest}) order by all")
    found = {
        "raw": world.query(f"select * from ({rows}) order by all"),
        "staging": world.query(f"select * from ({staged}) order by all"),
        "duplicates": world.query(
            "select partition_date, kind, raw_text from duplicates.transactions order by all"
        ),
    }
    assert found["staging"] == by_rule, f"{way.__name__}: a key that comes on two dates is not noted"
    assert world.query("select count(*) from quarantine.transactions") == [(0,)]
    return found


def expected(history: History) -> list[tuple[Any, ...]]:
    """Worked out without the loader: per date and key the last line of the last file."""
    rows = {
        (day, line.number): (f"t{line.number}", f"c{line.customer}", line.cents, day - timedelta(days=line.late), day)
        for day, files in history.final.items()
        for name in sorted(files)
        for line in files[name]
    }  # fmt: skip
    return sorted(rows.values())


@settings(
    max_examples=examples(3, 6),
    phases=[Phase.generate],  # a history is small as it is, and shrinking one takes minutes of loading
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(histories())
def test_however_it_was_loaded_the_same_rows_are_held(history: History) -> None:
    with tempfile.TemporaryDirectory() as folder:
        once = held(Path(folder) / "bulk", history, bulk)
        columns = "transaction_id, customer_id, cast(net_amount * 100 as int), business_date, partition_date"
        assert sorted(World(Path(folder) / "bulk").query(f"select {columns} from raw.transactions")) == (
            expected(history)
        )
        for way in WAYS:
            assert held(Path(folder) / way.__name__, history, way) == once, way.__name__
