"""A file that is not what its contract says is refused whole, with one sentence that says what was found."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from datetime import date
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loading_world import DAY, GOOD, HEADER, World

from pipelines.contracts import LandingFile
from pipelines.errors import LandingError
from pipelines.land import discover, inspect

TEXT = f"{HEADER}\n{GOOD.format(1)}\n"
packed = partial(gzip.compress, mtime=0)  # the same bytes in each test process
HTML = b"<!DOCTYPE html>\n<html><body>504 Gateway Timeout</body></html>\n"
MANY = packed((TEXT + "".join(f"{GOOD.format(i)}\n" for i in range(2, 400))).encode())
MEMBERS = packed(TEXT.encode()) + packed(GOOD.format(2).encode())


def shown(value: object) -> str:
    return value if isinstance(value, str) else "bytes"


def tarred() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("sales.csv"))
    return stream.getvalue()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def parquet(columns: dict[str, object]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def refusal(world: World, content: bytes, name: str, format_: str, encoding: str = "utf-8") -> str:
    world.server(path="transactions/{date}/*", format=format_, encoding=encoding)
    path = world.land(content, name=name)
    with pytest.raises(LandingError) as caught:
        inspect(LandingFile("transactions", date.fromisoformat(DAY), path), world.parsed)
    assert str(caught.value).startswith(f"{path}: refused: expected ")
    assert "\n" not in str(caught.value)
    return str(caught.value).partition("refused: ")[2]


@pytest.mark.parametrize(
    ("content", "encoding", "sentence"),
    [
        (b"", "utf-8", "a csv file, found an empty file"),
        (packed(b""), "utf-8", "an empty file inside the gzip"),
        (HTML, "utf-8", "an HTML or XML page"),
        (packed(HTML), "utf-8", "an HTML or XML page"),
        (
            TEXT.replace(",", ";").encode(),
            "utf-8",
            "fields delimited by ',', found a header delimited by ';'",
        ),
        (TEXT.replace(",", "\t").encode(), "utf-8", r"found a header delimited by '\t'"),
        (GOOD.format(1).encode(), "utf-8", "no such header but the line 't1,1,c1"),
        (
            TEXT.replace("net_amount", "amount").encode(),
            "utf-8",
            "the column net_amount, found a header with 'transaction_id'",
        ),
        (TEXT.replace("net_amount", "note").encode(), "utf-8", "the column net_amount"),
        (
            TEXT.replace("net_amount", "net_amount,net_amount").encode(),
            "utf-8",
            "'net_amount' more than once",
        ),
        (
            TEXT.encode() + "t2,Müller\n".encode("latin-1"),
            "utf-8",
            "text in utf-8, found bytes that are none (fc 6c 6c 65) on line 3",
        ),
        (TEXT.encode() + "会".encode()[:2], "utf-8", "half a character at the end"),
        (TEXT.encode() + b"a\0b\n", "utf-8", "NUL bytes"),
        (TEXT.encode("utf-16"), "utf-8", "NUL bytes"),
        (TEXT.replace("hello", "a\0b").encode("utf-16"), "utf-16", "NUL characters"),
        (TEXT.encode("utf-16-le"), "utf-16", "text in utf-16"),
        (TEXT.encode() + b"\x81\xff", "gbk", "text in gbk, found bytes that are none"),
        (MANY[: len(MANY) // 2], "utf-8", "a complete gzip file, found a truncated one"),
        (MEMBERS[:-12], "utf-8", "a complete gzip file, found a truncated one"),
        (MANY[:200] + b"\xff" * 40 + MANY[240:], "utf-8", "a sound gzip file, found a damaged one"),
        (MANY + b"garbage", "utf-8", "a sound gzip file, found a damaged one"),
        (MANY[:5], "utf-8", "a complete gzip file"),
        (b"PAR1" + bytes(100), "utf-8", "CSV, found a Parquet file"),
    ],
    ids=shown,
)
def test_csv(world: World, content: bytes, encoding: str, sentence: str) -> None:
    assert sentence in refusal(world, content, "sales.csv", "csv", encoding)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "a jsonl file, found an empty file"), (HTML, "JSON Lines, found an HTML or XML page"), (TEXT.encode(), "no JSON object"),
        (b'{"a": 1}\n', "the keys transaction_id, line_number, customer_id, transaction_at, net_amount, found objects with 'a'"),
        (b"[" * 100_000, "no JSON object"), (b"\n\n", "no JSON object"), (packed(b'{"a": 1}\n')[:-9], "a complete gzip file"),
    ],
    ids=shown,
)  # fmt: skip
def test_json_lines(world: World, content: bytes, sentence: str) -> None:
    assert sentence in refusal(world, content, "s.jsonl", "jsonl")


FULL: dict[str, object] = {
    "transaction_id": ["t"], "line_number": [1], "customer_id": ["c"], "transaction_at": ["2017-03-01 10:00:00"], "net_amount": [1.0],
    "quantity": [1], "score": [1.0], "is_gift": [True], "sold_on": ["2017-03-01"], "note": ["x"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "a parquet file, found an empty file"), (HTML, "a Parquet file, found an HTML or XML page"),
        (TEXT.encode(), "a Parquet file, found a file that is none or damaged"),
        (parquet(FULL)[:-20], "a Parquet file, found a file that is none or damaged"), (parquet(FULL)[:40], "none or damaged"),
        (parquet({"a": [1]}), "found a Parquet schema with 'a'"),
        (parquet({**FULL, "net_amount": [True]}), "column net_amount as DECIMAL(18,2), found it as boolean"),
        (parquet({**FULL, "customer_id": [17.0]}), "column customer_id as VARCHAR, found it as number"),
        (parquet({**FULL, "transaction_at": [1]}), "column transaction_at as TIMESTAMP, found it as integer"),
        (parquet({**FULL, "note": [["list"]]}), "column note as VARCHAR, found it as list"),
        (parquet({**FULL, "NOTE": ["x"]}), "'note' more than once"),
    ],
    ids=shown,
)  # fmt: skip
def test_parquet(world: World, content: bytes, sentence: str) -> None:
    assert sentence in refusal(world, content, "s.parquet", "parquet")


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, TEXT)
    return stream.getvalue()


FOREIGN = [
    (zipped("sales.csv"), "a zip archive; unpack it, or pack it with gzip"),
    (zipped("sales.csv")[:60], "a zip archive"),
    (zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook (.xlsx); save its sheet as"),
    (zipped("mimetype", "content.xml"), "an OpenDocument file, such as a workbook (.ods)"),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "an old Office file, such as an Excel workbook (.xls)",
    ),
    (lzma.compress(TEXT.encode()), "an xz archive"),
    (bz2.compress(TEXT.encode()), "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd" + bytes(60), "a zstd archive"),
    (packed(packed(TEXT.encode())), "gzip within gzip"),
    (packed(zipped("a.csv")), "a zip archive"),
    (b"\x89PNG\r\n\x1a\n" + bytes(60), "a PNG image"),
    (b"\xff\xd8\xff\xe0" + bytes(60), "a JPEG image"),
    (b"%PDF-1.7\n", "a PDF document"),
    (b"SQLite format 3\x00" + bytes(60), "an SQLite database"),
    (parquet({"a": [1]}), "a Parquet file; set the contract's format to parquet"),
    (tarred(), "a tar archive"),
]


@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(("content", "sentence"), FOREIGN, ids=[sentence for _, sentence in FOREIGN])
def test_what_is_no_text_and_no_table_is_called_by_its_name(
    world: World, content: bytes, sentence: str, format_: str
) -> None:
    if format_ == "parquet" and content[:2] in (b"\x1f\x8b", b"PA"):
        pytest.skip("gzip and Parquet have sentences of their own there")
    assert f"found {sentence}" in refusal(world, content, "sales.csv", format_)


def test_a_folder_a_dangling_link_and_a_pipe_in_place_of_a_file(world: World) -> None:
    folder = world.settings.landing / "transactions" / DAY
    folder.mkdir(parents=True)
    (folder / "a.csv").mkdir()
    (folder / "b.csv").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "c.csv")
    said = []
    for file in discover(world.settings, world.parsed):
        with pytest.raises(LandingError) as caught:
            inspect(file, world.parsed)
        said.append(str(caught.value).partition(".csv: ")[2])
    assert said[0] == "refused: expected a csv file, found a folder"
    assert said[1].startswith("cannot be read: No such file")
    assert said[2] == "refused: expected a csv file, found no regular file"


def test_a_name_that_is_no_utf8_is_refused(world: World) -> None:
    world.good(1)
    (world.settings.landing / "transactions" / DAY / os.fsdecode("会员".encode("gbk") + b".csv")).write_text(
        TEXT
    )
    with pytest.raises(LandingError, match=r"\\xbb\\xe1.*expected a file name in UTF-8"):
        discover(world.settings, world.parsed)


def test_files_are_found_by_date_in_a_fixed_order_within_the_range(world: World) -> None:
    for day in ("2017-03-03", "2017-03-01", "2017-03-02", "2017-02-30", "latest"):
        for name in ("b.csv", "a.csv", ".hidden.csv", "_note.csv", "c.csv.tmp", "d.csv.part"):
            world.land(TEXT, day, name)
    found = discover(world.settings, world.parsed, date(2017, 3, 2), date(2017, 3, 3))
    assert [(str(f.partition_date), f.path.name) for f in found] == [
        ("2017-03-02", "a.csv"), ("2017-03-02", "b.csv"), ("2017-03-03", "a.csv"), ("2017-03-03", "b.csv"),
    ]  # fmt: skip


def test_a_path_with_two_dates_is_refused(world: World) -> None:
    world.server(path="transactions/{date}/s_{date}.csv")
    world.land(TEXT, DAY, "s_2017-03-02.csv")
    with pytest.raises(LandingError, match="its path names two dates"):
        discover(world.settings, world.parsed)


def test_a_line_of_a_megabyte_across_chunks_names_the_right_line(world: World) -> None:
    text = TEXT.encode() + b"x" * (1 << 20) + b"\n" + "é".encode() * (1 << 19) + b"\n\xff\n"
    assert "on line 5" in refusal(world, text, "s.csv", "csv")
