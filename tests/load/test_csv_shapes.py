"""The shape of CSV rows: a row whose values stand in other columns than they were written for must not load."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import gzip
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.contracts import LandingFile, SourceContract, canonical_contracts
from pipelines.contracts.read import read_source_contract
from pipelines.errors import LandingError
from pipelines.land import Inspected, inspect
from pipelines.load.csv_rows import csv_rows
from pipelines.load.quick import quick_select

DAY = date(2017, 3, 1)


def contract(folder: Path, *names: str, encoding: str = "utf-8", **custom: Any) -> SourceContract:
    """A contract of text columns alone, of which any shifted value is a good one."""
    columns: list[dict[str, Any]] = [
        {"name": n, "logicalType": "string", "physicalType": "VARCHAR", "description": n} for n in names
    ]
    columns[0] |= {"primaryKey": True, "required": True}
    path = folder / "texts.odcs.yaml"
    document = {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": "texts", "name": "texts", "version": "1.0.0", "status": "active",
        "servers": [{
            "server": "landing", "type": "local", "path": "texts/{date}/*", "format": "csv", "encoding": encoding,
            "customProperties": [{"property": k, "value": v} for k, v in custom.items()],
        }],
        "schema": [{"name": "texts", "dataGranularityDescription": "One row per text.", "properties": columns}],
    }  # fmt: skip
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return read_source_contract(path)


def look(folder: Path, content: str | bytes, parsed: SourceContract) -> Inspected:
    path = folder / "s.csv"
    path.write_bytes(content.encode(parsed.dialect.encoding) if isinstance(content, str) else content)
    return inspect(LandingFile("texts", DAY, path), parsed)


def quickly(file: Inspected, parsed: SourceContract) -> list[tuple[Any, ...]]:
    names = [c.name for c in parsed.columns]
    with duckdb.connect(config={"threads": 1}) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(
            quick_select(parsed, [file], "UTC", names)
        ).fetchall()
    return rows


def carefully(file: Inspected, parsed: SourceContract) -> tuple[list[tuple[Any, ...]], dict[int, str]]:
    """Good rows, and faults by line."""
    rows = list(csv_rows(file, parsed))
    good = [
        tuple(values[c.source_name] for c in parsed.columns) for _, _, fault, values in rows if fault is None
    ]
    return good, {line: fault for line, _, fault, _ in rows if fault is not None}


def read(
    folder: Path, content: str | bytes, parsed: SourceContract
) -> tuple[list[tuple[Any, ...]], dict[int, str]]:
    """What a load makes of the file. Where the quick way may read it, both ways must say the same."""
    file = look(folder, content, parsed)
    good, faults = carefully(file, parsed)
    if not file.needs_care and parsed.dialect.encoding == "utf-8":
        if faults or any(
            row[0] is None for row in good
        ):  # a key that is empty is a fault too, but not of shape
            with pytest.raises(duckdb.Error):
                quickly(file, parsed)
        else:
            assert (quickly(file, parsed), file.rows) == (good, len(good))
    return good, faults


ABC = [("1", "x", "y"), ("2", "v", "w")]


@pytest.mark.parametrize(
    ("content", "good", "faults"),
    [
        ("a,b,c\n1,x,y\n2,v,w\n", ABC, {}),
        ("a,b,c\r\n1,x,y\r\n2,v,w\r\n", ABC, {}),
        ("a,b,c\r1,x,y\r2,v,w\r", ABC, {}),
        ("a,b,c\n1,x,y\r\n2,v,w", ABC, {}),
        ("a,b,c\n\n1,x,y\n\n2,v,w\n\n\n", ABC, {}),
        ('"a","b","c"\n"1","x","y"\n"2","v","w"\n', ABC, {}),
        ('a,b,c\n1,"x, ""y""\nz",\n2,v,w\n', [("1", 'x, "y"\nz', None), ("2", "v", "w")], {}),
        # a surplus delimiter: in the header, in all rows, in both, in some of them
        ("a,b,c,\n1,x,y,\n2,v,w,\n", ABC, {}),
        ("a,b,c\n1,x,y,\n2,v,w,\n", ABC, {}),
        ("a,b,c,,\n1,x,y\n2,v,w\n", ABC, {}),
        ("a,b,c\n1,x,y,,\n2,v,w,,\n", ABC, {}),
        ("a,b,c\n1,x, y,\n2,v,w\n", [("2", "v", "w")], {2: "4 fields instead of 3"}),
        ("a,b,c\n1,x, y,\n", [], {2: "4 fields instead of 3"}),
        ("a,b,c,\n1,x y,\n2,v,w,\n", [("2", "v", "w")], {2: "3 fields instead of 4"}),
        ("a,b,c\n1,x,y,\n2,v,w,\n3,x,y,z\n", ABC, {4: "4 fields instead of 4, the last of them filled"}),
        ('a,b,c\n1,x,y,""\n2,v,w,""\n', ABC, {}),
        # too few, too many, another delimiter
        ("a,b,c\n1,x\n2,v,w\n", [("2", "v", "w")], {2: "2 fields instead of 3"}),
        ("a,b,c\n1,x,y,z\n2,v,w\n", [("2", "v", "w")], {2: "4 fields instead of 3"}),
        ("a,b,c\n1;x;y\n2,v,w\n", [("2", "v", "w")], {2: "1 fields instead of 3"}),
        ("a,b,c\n1,'x, y'\n2,v,w\n", [("2", "v", "w")], {2: "another quote"}),
        ("a,b,c\n'1','x','y'\n2,v,w\n", [("2", "v", "w")], {2: "another quote"}),
        ("a,b,c\n1,'x','y'\n2,v,w\n", [("1", "'x'", "'y'"), ("2", "v", "w")], {}),
        # quotes that are lost, or one too many
        ('a,b,c\n1,x"y, z"\n2,v,w\n', [("2", "v", "w")], {2: "a quote within the unquoted field 2"}),
        ('a,b,c\n1,x"y,z\n2,v,w\n', [("2", "v", "w")], {2: "a quote within the unquoted field 2"}),
        ('a,b,c\n1,x,y"\n2,v,w\n', [("2", "v", "w")], {2: "a quote within the unquoted field 3"}),
        ('a,b,c\n1, "x",y\n2,v,w\n', [("2", "v", "w")], {2: "a quote within the unquoted field 2"}),
        ('a,b,c\n1,"x" ,y\n2,v,w\n', [("2", "v", "w")], {2: "text behind the closing quote of field 2"}),
        ('a,b,c\n1,"x" "y",z\n2,v,w\n', [("2", "v", "w")], {2: "text behind the closing quote of field 2"}),
        ('a,b,c\n1,"x,y\n2,v,w\n', [("2", "v", "w")], {2: "the quote that opens field 2 is not closed"}),
        ('a,b,c\n1,"x"",y\n2,v,w\n', [("2", "v", "w")], {2: "the quote that opens field 2 is not closed"}),
        # other lines
        ("a,b,c\n1,x,y\na,b,c\n2,v,w\n", ABC, {3: "the header comes again"}),
        ("a,b,c\n1,x,y\n\ufeffA, b,C \n2,v,w\n", ABC, {3: "the header comes again"}),
        ('a,b,c\n1,x,y\n"a","b","c"\n2,v,w\n', ABC, {3: "the header comes again"}),
        ("a,b,c\n1,x,y\nb,a,c\nv,2,w\n", ABC[:1], {3: "another header", 4: "stands below another header, on line 3"}),
        ("a,b,c\n1,x,y\n\nd,c,b,a\n9,8,7,6\n\na,b,c\n2,v,w\n", ABC, {4: "another header", 5: "on line 4", 7: "the header comes again"}),
        ("a,b,c\n1,x,y\n2,v,w\nTotal: 2 rows\n", ABC, {4: "1 fields instead of 3"}),
        ("a,b,c\n1,x,y\n2,v,w\n\x1a", ABC, {4: "1 fields instead of 3"}),
    ],
)  # fmt: skip
def test_rows_of_every_shape(
    tmp_path: Path, content: str, good: list[tuple[Any, ...]], faults: dict[int, str]
) -> None:
    parsed = contract(tmp_path, "a", "b", "c")
    for written in (content.encode(), gzip.compress(content.encode())):
        loaded, said = read(tmp_path, written, parsed)
        assert loaded == good
        assert list(said) == list(faults)
        assert all(faults[line] in said[line] for line in faults), said
    if "\ufeff" not in content:
        other = contract(tmp_path, "a", "b", "c", encoding="utf-16")
        assert read(tmp_path, content, other)[0] == good


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a,b,c,d\n1,x,y\n2,v,w\n", "4 in the header and 3 in each of 2 rows: 'a', 'b', 'c', 'd'"),
        ("a,b,c\n1,x,y,z\n2,v,w,z\n", "3 in the header and 4 in each of 2 rows"),
        ("\n\na,b,c\n1,x,y\n", "a header on line 1, found it on line 3; set skipLines to 2"),
        ('Sales "of March"\nall shops\n\na,b,c\n1,x,y\n', "found it on line 4; set skipLines to 3"),
        ("sep=;\na;b;c\n1;x;y\n", "no such header but the line 'sep=;'"),
        ("a;b;c\n1;x;y\n", "a header delimited by ';': 'a', 'b', 'c'"),
        ("a,b\u200b,c\n1,x,y\n", r"the column b, found a header with 'a', 'b\u200b', 'c' ('b\u200b' is all but 'b'"),
        ("a, B ,c\n1,x,y\n", "found a header with 'a', ' B ', 'c' (' B ' is all but 'b'"),
        ('a,"b,c\n' + "1,x,y\n" * 9999, "a line that is none: the quote that opens field 2 is not closed"),
        ('a,b"x",c\n1,x,y\n', "a line that is none: a quote within the unquoted field 2"),
        ("x" * 300 + ",b\n1,x,y\n", "'xxxxx"),
        (",".join(f"name{i}" for i in range(5000)) + ",b\n", "'name29', 4,971 more"),
        ("", "an empty file"),
        ("\n\r\n\n", "nothing but blank lines"),
        ("\ufeff", "no line"),
    ],
)  # fmt: skip
def test_a_header_that_is_none_is_said_once_and_in_few_words(
    tmp_path: Path, content: str, sentence: str
) -> None:
    with pytest.raises(LandingError) as caught:
        look(tmp_path, content, contract(tmp_path, "a", "b", "c"))
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 1000 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("custom", "content", "good"),
    [
        ({"skipLines": 1}, "Sales\na,b,c\n1,x,y\n2,v,w\n", ABC),
        ({"skipLines": 3}, 'Sales of "March\n\nall, shops\na,b,c\n1,x,y\n2,v,w\n', ABC),
        ({"skipLines": 2}, 'x\r\n\r\n"a","b\n","c"\r\n1,x,y\r\n2,v,w\r\n'.replace("b\n", "b"), ABC),
        ({"columns": ["a", "b", "c"]}, "1,x,y\n2,v,w\n", ABC),
        ({"columns": ["c", "other", "a", "b"]}, "\ufeffy,,1,x\nw,,2,v\n", ABC),
        ({"columns": ["a", "b", "c"], "skipLines": 1}, "Sales\n1,x,y\n2,v,w\n", ABC),
        ({"columns": ["a", "b", "c"]}, "1,x,y,\n2,v,w,\n", ABC),
        ({"skipLastLines": 2}, "a,b,c\n1,x,y\n2,v,w\n\nTotal,2,rows\nend\n\n\n", ABC),
        ({"skipLastLines": 1}, "a,b,c\n1,x,y,\n2,v,w,\nTotal,2,rows", ABC),
        ({"escape": "\\"}, 'a,b,c\n1,"x \\"y\\" \\\\ \\n",C:\\z\n2,v,w\n', [("1", 'x "y" \\ \\n', "C:\\z"), ABC[1]]),
        ({"escape": "\\"}, 'a,b,c\n"1","x","y"\n2,v,w\n', ABC),
        ({"quote": "'", "escape": '"'}, "a,b,c\n1,'Table, 48\"\"','it\"'s'\n2,v,w\n", [("1", 'Table, 48"', "it's"), ABC[1]]),
        ({"quote": "'"}, "a,b,c\n1,'it''s','5\"'\n2,v,w\n", [("1", "it's", '5"'), ABC[1]]),
        ({"quote": ""}, 'a,b,c\n1,5" pipe,"y\n2,v,w\n', [("1", '5" pipe', '"y'), ABC[1]]),
        ({"delimiter": "§"}, "a§b§c\n1§x§y\n2§v§w\n", ABC),
        ({"delimiter": "|", "nullValue": "-"}, "a|b|c\n1|x|-\n2|v|w\n", [("1", "x", None), ABC[1]]),
    ],
)  # fmt: skip
def test_what_the_contract_says_of_header_quotes_and_escapes(
    tmp_path: Path, custom: dict[str, Any], content: str, good: list[tuple[Any, ...]]
) -> None:
    assert read(tmp_path, content, contract(tmp_path, "a", "b", "c", **custom)) == (good, {})


@pytest.mark.parametrize("rows", ["1,x\n2,v\n", "1,x,y,z\n2,v,w,u\n"])
def test_rows_that_are_not_as_wide_as_the_contract_says_are_said_once(tmp_path: Path, rows: str) -> None:
    with pytest.raises(
        LandingError, match=r"expected 3 fields in each row, as servers.columns .* found \d in each of 2 rows"
    ):
        look(tmp_path, rows, contract(tmp_path, "a", "b", "c", columns=["a", "b", "c"]))


def test_a_header_where_the_contract_names_the_columns_is_no_row(tmp_path: Path) -> None:
    parsed = contract(tmp_path, "a", "b", "c", columns=["a", "b", "c"])
    good, faults = read(tmp_path, "a,b,c\n1,x,y\n2,v,w\n", parsed)
    assert (good, list(faults)) == (ABC, [1])


pieces = st.sampled_from(
    ["x", "", " ", "y z", '"', '""', '"q"', '"q,r"', '"q""r"', '"q\nr"', "'", "\\", '\\"', ",", ";", "é", "\r", "a", '"a"']
)  # fmt: skip
fields = st.lists(pieces, min_size=1, max_size=2).map("".join) | st.sampled_from(["1", "x", "", '"q"'])
lines = st.one_of(
    st.lists(st.sampled_from(["1", "2", '"q, r"', '""', "é"]), min_size=3, max_size=3).map(",".join),
    st.lists(fields, min_size=1, max_size=5).map(",".join),
    st.sampled_from(["a,b,c", "c,b,a", "", "1,2,3,", "1,2,", '"1","2","3"', "1;2;3", "a,b,c,"]),
)


@pytest.mark.search
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["a,b,c", '"a","b","c"', "a,b,c,", "a,b,c,d"]), st.lists(lines, max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.sampled_from([{}, {}, {"escape": "\\"}, {"quote": "'"}, {"quote": ""}]),
)  # fmt: skip
def test_where_the_quick_way_may_read_it_gives_what_the_careful_way_gives(
    tmp_path: Path, header: str, rows: list[str], end: str, is_ended: bool, custom: dict[str, str]
) -> None:
    parsed = contract(tmp_path, "a", "b", "c", **custom)
    text = end.join([header, *rows]) + end * is_ended
    with suppress(LandingError):
        read(tmp_path, text, parsed)


@pytest.mark.parametrize(
    ("dataset", "rows", "good"),
    [
        ("customers", ["c1,Anna,,,,,f,35-44,,2,,Paris, Nord,family,,2016-05-01,,,,,,", "c2,Bob,,,,,m,35-44,,2,,Lyon,family,web,2016-05-01,,,,,,"], "c2"),
        ("products", ["P1,Boots, brown,shoes,winter,,12.50,,", "P2,Mug,kitchen,cups,,3.00,,"], "P2"),
    ],
)  # fmt: skip
def test_an_unquoted_comma_shifts_no_row_of_the_shipped_datasets(
    tmp_path: Path, dataset: str, rows: list[str], good: str
) -> None:
    parsed = replace(canonical_contracts()[dataset], format="csv")
    header = ",".join(c.source_name for c in parsed.source_columns)
    file = look(tmp_path, "\n".join([header, *rows]) + "\n", parsed)
    assert file.needs_care
    loaded, faults = carefully(file, parsed)
    assert [row[0] for row in loaded] == [good]
    assert list(faults) == [2]
