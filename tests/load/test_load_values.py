"""Single values and rows: what is accepted, as what, and why a row is not. Both ways of reading must agree."""

# ruff: noqa: E501, DTZ001, DTZ007 - one case a line reads best; raw holds UTC without a zone
from __future__ import annotations

import csv
import io
import tempfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from loading_world import GOOD, HEADER, World, counts
from shortening import examples

NAMES = HEADER.split(",")
QUICK = settings(max_examples=examples(3, 6), deadline=None, suppress_health_check=list(HealthCheck))


def row(**values: str) -> dict[str, str]:
    return {**dict(zip(NAMES, GOOD.format(1).split(","), strict=True)), **values}


def render(rows: list[dict[str, str]]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([NAMES, *([r[n] for n in NAMES] for r in rows)])
    return stream.getvalue()


VALUES: list[tuple[str, str, Any]] = [
    # column, text, what raw holds; ... (Ellipsis) where the row must be quarantined
    ("line_number", "3", 3), ("line_number", "3.0", 3), ("line_number", "3.7", ...), ("line_number", "-1", ...),
    ("line_number", "0x10", ...), ("line_number", "99999999999", ...), ("line_number", "", ...), ("line_number", " 4 ", 4),
    ("net_amount", "1.005", ...), ("net_amount", "1.00", Decimal("1.00")), ("net_amount", "12.340000000000001", Decimal("12.34")),
    ("net_amount", "1e2", Decimal("100.00")), ("net_amount", "1e400", ...), ("net_amount", "NaN", ...), ("net_amount", "-0", Decimal("0.00")),
    ("net_amount", "100000000.01", ...), ("net_amount", "1" * 40, ...), ("net_amount", "١٢", ...), ("net_amount", "1,000", ...),
    ("net_amount", "inf", ...), ("net_amount", " ", ...), ("net_amount", "+5", Decimal("5.00")),
    ("quantity", "123456.789", Decimal("123456.789")), ("quantity", "", None),
    ("score", "nan", ...), ("score", "inf", ...), ("score", "1e400", ...), ("score", "-0", 0.0), ("score", "1e-7", 1e-7), ("score", "x", ...),
    ("is_gift", "false", False), ("is_gift", "TRUE", True), ("is_gift", "1", True), ("is_gift", "maybe", ...), ("is_gift", "", None),
    ("sold_on", "2023-02-30", ...), ("sold_on", "2024-02-29", date(2024, 2, 29)), ("sold_on", "epoch", ...), ("sold_on", "infinity", ...),
    ("sold_on", "17-03-01", ...), ("sold_on", "1900-01-01", date(1900, 1, 1)), ("sold_on", "2017/03/01", ...), ("sold_on", "20170301", ...),
    ("transaction_at", "2017-03-01 23:59:59", datetime(2017, 3, 1, 23, 59, 59)), ("transaction_at", "2017-03-02 00:00:00", ...),
    ("transaction_at", "2017-03-01", ...), ("transaction_at", "infinity", ...), ("transaction_at", "-infinity", ...),
    ("transaction_at", "2017-03-01 24:00:00", ...), ("transaction_at", "", ...), ("transaction_at", "2017-03-01 10:00:00Z", ...),
    ("note", "  ", "  "), ("note", "", None), ("note", "🎁 会员号", "🎁 会员号"), ("note", "a\x01b\x1b", "a\x01b\x1b"), ("note", "x" * 200_000, "x" * 200_000),
    ("note", "two\nlines", "two\nlines"), ("note", "two\r\nlines", "two\r\nlines"), ("note", 'say "hi", he said', 'say "hi", he said'),
    ("note", "'; DROP TABLE raw.transactions; --", "'; DROP TABLE raw.transactions; --"), ("note", "\\N", "\\N"), ("note", "NULL", "NULL"),
    ("customer_id", " ", ...), ("customer_id", "c 1", "c 1"), ("customer_id", "c1 ", ...), ("customer_id", "c" * 65, ...),
]  # fmt: skip


@pytest.mark.parametrize("way", ["quick", "careful"])
def test_each_value_is_read_as_the_contract_says(world: World, way: str) -> None:
    """The careful way is forced by a bad row in the same file; each value has a file of its own for the quick way."""
    if way == "careful":
        rows = [
            row(**{column: text, "transaction_id": f"k{i}"}) for i, (column, text, _) in enumerate(VALUES)
        ]
        world.land(render(rows) + "bad\n")
    else:
        for i, (column, text, _) in enumerate(VALUES):
            world.land(render([row(**{column: text, "transaction_id": f"k{i}"})]), name=f"{i:03}.csv")
    result = world.load()
    wrong = {f"k{i}" for i, (_, _, value) in enumerate(VALUES) if value is ...}
    assert counts(result) == (
        len(VALUES) + (way == "careful"),
        len(VALUES) - len(wrong),
        len(wrong) + (way == "careful"),
        0,
    )
    held = {r[0]: dict(zip(NAMES, r, strict=True)) for r in world.raw(", ".join(NAMES))}
    for i, (column, text, value) in enumerate(VALUES):
        if value is ...:
            assert f"k{i}" not in held, (column, text)
        else:
            assert held[f"k{i}"][column] == value, (column, text)


def test_a_rejected_row_names_every_reason_with_line_and_raw_text(world: World) -> None:
    bad = "t2,x, ,2017-03-09 10:00:00,1.005,,nan,perhaps,2017-02-30,hi"
    world.rows(GOOD.format(1), "", bad)
    assert counts(world.load()) == (2, 1, 1, 0)
    (line, text, reasons) = world.query("SELECT line_number, raw_text, reasons FROM quarantine.transactions")[
        0
    ]
    assert (line, text) == (4, bad)
    assert sorted(r.split(":")[0] for r in reasons) == sorted(
        ["line_number", "customer_id", "transaction_at", "net_amount", "score", "is_gift", "sold_on"]
    )
    assert "net_amount: '1.005' does not fit DECIMAL(18,2)" in reasons
    assert "transaction_at: 2017-03-09 is in the future of its file's date 2017-03-01" in reasons


def test_the_future_tolerance_counts_days(world: World) -> None:
    world.setting(futureToleranceDays=2)
    world.rows(*(GOOD.format(i).replace("2017-03-01 10", f"2017-03-0{i} 10") for i in (3, 4)))
    world.load()
    assert world.ids() == ["t3"]


@pytest.mark.parametrize(
    ("text", "loaded", "faults"),
    [
        (f"{GOOD.format(1)}\r\n\r\n{GOOD.format(2)}\r\n", 2, []),
        (f"\n\n{GOOD.format(1)}\n\n{GOOD.format(2)}", 2, []),
        (f"{GOOD.format(1)},\n{GOOD.format(2)},\n", 2, []),
        (f"{GOOD.format(1)},more\n", 0, [2]),
        ("a,b\n" + GOOD.format(1) + "\n", 1, [2]),
        (GOOD.format(1).replace("hello", '"hello" x') + "\n" + GOOD.format(2) + "\n", 1, [2]),
        (
            GOOD.format(1).replace("hello", '"stray')
            + "\n"
            + "".join(GOOD.format(i) + "\n" for i in range(2, 9)),
            7,
            [2],
        ),
        (GOOD.format(1).replace("hello", '"a\nb"') + "\n" + GOOD.format(2) + "\n", 2, []),
        ("   \n" + GOOD.format(1) + "\n", 1, [2]),
        (GOOD.format(1).replace("c1", "#c1") + "\n", 1, []),
    ],
    ids=[
        "crlf",
        "blank lines",
        "surplus delimiters",
        "too many",
        "too few",
        "quote",
        "stray quote",
        "line break",
        "blanks",
        "hash",
    ],
)
def test_rows_of_odd_shape(world: World, text: str, loaded: int, faults: list[int]) -> None:
    world.land(f"{HEADER}\n{text}" if "\r" not in text else f"{HEADER}\r\n{text}")
    assert world.load().loaded == loaded
    assert list(world.reasons()) == faults


@pytest.mark.parametrize("extra", ["", "bad\n"], ids=["alone", "beside a bad row"])
def test_blanks_beside_quotes_are_a_fault_with_and_without_a_bad_row(world: World, extra: str) -> None:
    rows = [GOOD.format(i).replace("hello", text) for i, text in enumerate((' "hello"', '"hello" ', "fine"))]
    world.land("".join(f"{line}\n" for line in (HEADER, *rows)) + extra)
    world.load()
    assert world.raw("transaction_id, note") == [("t2", "fine")]


ODD_AMOUNTS = ["", "x", "1e3", "NaN", "-0.00", "1.005", " 7", "0007", ".5", "5.", "1_0", "--1", "1e-9"]
amounts = st.one_of(
    st.decimals(-1000, 1000, places=2).map(str),
    st.decimals(-10, 10, places=4).map(str),
    st.sampled_from(ODD_AMOUNTS),
)
moments = st.one_of(
    st.datetimes(datetime(2016, 12, 1), datetime(2017, 3, 2)).map(lambda d: d.strftime("%Y-%m-%d %H:%M:%S")),
    st.sampled_from(
        [
            "",
            "now",
            "2017-02-29 10:00:00",
            "2017-3-1 1:2:3",
            "2017-03-01T10:00:00",
            "epoch",
            "0001-01-01 00:00:00",
        ]
    ),
)
notes = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)
row_sets = st.lists(
    st.fixed_dictionaries({
        "line_number": st.sampled_from(["1", "2", "0", "-1", "2.5", "x", "2147483648", "3.0"]), "net_amount": amounts, "quantity": amounts,
        "transaction_at": moments, "score": st.sampled_from(["", "1.5", "nan", "-0.0", "1e308", "1e309"]), "note": notes,
        "is_gift": st.sampled_from(["", "true", "F", "no", "2"]), "sold_on": st.sampled_from(["", "2017-01-31", "2017-02-29", "1-1-1", "31/01/2017"]),
    }),
    min_size=1, max_size=8,
)  # fmt: skip


def loaded_values(rows: list[dict[str, str]], *, spoiled: bool) -> list[tuple[Any, ...]]:
    """Each row in a file of its own; with `spoiled` a bad row stands in each of them."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder)).setting(toleratedRejectRate=1)
        for i, values in enumerate(rows):
            text = render([row(**values, transaction_id=f"k{i:02}")])
            world.land(text + "bad\n" * spoiled, name=f"{i:02}.csv")
        result = world.load()
        assert counts(result)[0] == len(rows) * (1 + spoiled)
        return world.raw("* EXCLUDE (file_id)")


@pytest.mark.search
@QUICK
@given(row_sets)
def test_the_quick_and_the_careful_way_accept_the_same_rows_with_the_same_values(
    rows: list[dict[str, str]],
) -> None:
    assert loaded_values(rows, spoiled=False) == loaded_values(rows, spoiled=True)


def accepted(values: dict[str, str]) -> tuple[Any, ...] | None:
    """What the contract makes of a row, in plain Python; None where it must be quarantined."""

    def number(text: str, places: int, bound: int) -> Decimal | None:
        if "_" in text:  # Python reads it as no more than a sign for the eye
            raise ValueError(text)
        value = Decimal(text.strip())
        exact = value.quantize(Decimal(1).scaleb(-places))
        if abs(value - exact) > Decimal(5).scaleb(-places - 5) or abs(value) > bound:
            raise ValueError(text)
        return exact + 0

    try:
        moment = datetime.strptime(values["transaction_at"], "%Y-%m-%d %H:%M:%S")
        sold_on = datetime.strptime(values["sold_on"], "%Y-%m-%d").date() if values["sold_on"] else None
        line = number(values["line_number"], 0, 2**31 - 1)
        net = number(values["net_amount"], 2, 10**8)
        quantity = number(values["quantity"], 3, 10**6) if values["quantity"] else None
        score = float(values["score"]) if values["score"] else None
        gift = {"": None, "true": True, "f": False, "no": False}[values["is_gift"].lower()]
    except (ValueError, ArithmeticError, KeyError):
        return None
    is_good = (
        line >= 0
        and moment.year >= 1000
        and moment.date() <= date(2017, 3, 1)
        and (score is None or abs(score) < float("inf"))
    )
    return (
        (int(line), net, quantity, moment, score, gift, sold_on, values["note"] or None) if is_good else None
    )


PLAIN = {
    "line_number": "1",
    "net_amount": "2.50",
    "quantity": "1",
    "transaction_at": "2016-12-01 00:00:00",
    "score": "",
    "note": "",
    "is_gift": "",
    "sold_on": "",
}


@QUICK
@given(row_sets)
@example([{**PLAIN, name: amount} for name in ("net_amount", "quantity") for amount in ODD_AMOUNTS])
def test_what_is_loaded_is_what_plain_python_reads(rows: list[dict[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder)).setting(toleratedRejectRate=1)
        world.land(render([row(**values, transaction_id=f"k{i:02}") for i, values in enumerate(rows)]))
        assert counts(world.load())[0] == len(rows)
        held = {
            r[0]: r[1:]
            for r in world.raw(
                "transaction_id, line_number, net_amount, quantity, transaction_at, score, is_gift, sold_on, note"
            )
        }
    wanted = {f"k{i:02}": accepted(values) for i, values in enumerate(rows)}
    assert held == {key: value for key, value in wanted.items() if value is not None}


@QUICK
@given(
    st.lists(
        st.one_of(st.sampled_from([GOOD.format(1), GOOD.format(2), GOOD.format(1), "bad", "", '"']), notes),
        max_size=12,
    )
)
@example(['"', GOOD.format(1), GOOD.format(1), '"'])
def test_nothing_is_lost_whatever_the_lines_are(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder)).setting(toleratedRejectRate=1)
        world.land(f"{HEADER}\n{text}")
        rows_in, *_ = counts(world.load())
        kept = world.query("SELECT raw_text FROM quarantine.transactions")
    try:  # where the file is CSV at all, Python's csv counts the same rows; each faulty one counts line by line
        read = [r for r in csv.reader(io.StringIO(text, newline=""), strict=True) if r]
        is_plain = all("\n" not in value for r in read for value in r)
    except csv.Error:
        is_plain = False
    if is_plain:
        assert rows_in == len(read)
    good = (GOOD.format(1), GOOD.format(2))
    # Lines between two quotes are one row of one field: what they hold is there to read, in its text.
    held_together = [text for (text,) in kept if "\n" in text.strip("\n")]
    inside = sum(text.count(line) for text in held_together for line in good)
    assert rows_in - len(held_together) + inside >= len([line for line in lines if line in good])
    assert sum(r[0] == "bad" for r in kept) == lines.count("bad") or not is_plain
