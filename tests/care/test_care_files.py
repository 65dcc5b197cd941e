"""The file: for its owner alone, whole, harmless in a spreadsheet, and in the ledger before it is there."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from care_world import AS_OF, TOMORROW, CareWorld
from deployments import mainstay, says_one_thing

from pipelines.care import COLUMNS, PERSONAL, export_list
from pipelines.care import export as exporting
from pipelines.errors import SettingsError, StorageError

HOSTILE = {
    "c1": "=cmd|' /C calc'!A0",
    "+c2": "＝1+1",
    "c3": '"Ann"\r\n=HYPERLINK("http://x")\t@SUM(A1);-2+3',
    "c4": "\u202eedoc\u202c \u200f王芳 👩\u200d👧 [red]x[/]",
    "@c5": "-x" * 100,
    "c6": "'=1",
}
DANGEROUS = tuple("=+-@\t\r\n＝＋－＠")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> CareWorld:
    """Six customers with hostile names and one without a telephone number; one has lost money."""
    made = CareWorld(tmp_path_factory.mktemp("care") / "shop")
    for customer, name in HOSTILE.items():
        made.customer(customer, full_name=name)
        made.contact(customer, AS_OF, talking_points="wallet_headroom:=1+1", priority=1)
        made.insert(
            "marts.share_of_wallet_monthly",
            customer_id=customer, category="=1+1", month=date(2024, 5, 1), headroom=9,
        )  # fmt: skip
    made.customer("out of reach", full_name=None, phone=None)
    made.contact("out of reach", AS_OF, channel="phone", is_reachable=False)
    made.insert(
        "intermediate.int_customer_days",
        customer_id="out of reach", business_date=AS_OF, net_amount="-12.50", profit_amount="1234567.89",
    )  # fmt: skip
    made.execute()
    return made


def exported(world: CareWorld, target: Path, **options: Any) -> Path:
    before = os.umask(0)
    try:
        assert export_list(world.settings, target, **options).is_written
    finally:
        os.umask(before)
    return target


def read_csv(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def noted(world: CareWorld) -> list[tuple[Any, ...]]:
    return world.execute("select file_name, format, row_count, status from ops.exports order by exported_at")


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- in a spreadsheet -----------------------------------------------------------------------------------------------


def test_no_cell_of_a_csv_starts_like_a_formula_and_all_can_be_read(world: CareWorld, tmp_path: Path) -> None:
    path = exported(world, tmp_path / "list.csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    header, *rows = read_csv(path)
    assert (len(rows), {len(row) for row in rows}) == (7, {len(COLUMNS)})
    texts = [
        cell for row in [header, *rows] for name, cell in zip(COLUMNS, row, strict=True) if "_12m" not in name
    ]
    assert [cell for cell in texts if cell.startswith(DANGEROUS)] == []
    assert all("\n" not in cell and "\r" not in cell and "\u202e" not in cell for cell in texts)
    people = {row[COLUMNS.index("customer_id")]: dict(zip(COLUMNS, row, strict=True)) for row in rows}
    assert people.keys() == {"c1", "'+c2", "c3", "c4", "'@c5", "c6", "out of reach"}
    assert people["c1"]["name"] == "'=cmd|' /C calc'!A0"
    assert people["c3"]["name"] == '"Ann" =HYPERLINK("http://x") @SUM(A1);\'-2+3'
    assert people["c4"]["name"] == "edoc 王芳 👩\u200d👧 [red]x[/]"
    assert people["'@c5"]["name"] == "'" + "-x" * 100
    assert people["c1"]["phone"] == "'+8613800000000"
    assert people["out of reach"]["revenue_12m"] == "-12.50"
    assert people["out of reach"]["profit_12m"] == "1234567.89"
    assert people["out of reach"]["reachable"] == "no: neither telephone number nor e-mail is known"


def test_no_cell_of_a_workbook_is_a_formula_and_figures_and_dates_are_what_they_are(
    world: CareWorld, tmp_path: Path
) -> None:
    path = exported(world, tmp_path / "LIST.XLSX", language="zh")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sheet = openpyxl.load_workbook(path).active
    header, *rows = list(sheet.iter_rows())
    assert [cell.value for cell in header][:3] == ["优先级", "客户编号", "姓名"]
    assert len(rows) == 7
    for cell in (cell for row in rows for cell in row):
        assert cell.data_type in "snd", (cell.value, cell.data_type)
        assert cell.hyperlink is None
        assert not str(cell.value).startswith(DANGEROUS) or cell.data_type == "n"
    last = dict(zip(COLUMNS, (cell.value for cell in rows[-1]), strict=True))
    assert (last["revenue_12m"], last["due_date"].date()) == (-12.5, AS_OF)
    assert last["reachable"] == "否：电话和电子邮箱都没有"


def test_a_list_of_nobody_is_a_header_and_a_sentence(tmp_path: Path) -> None:
    world = CareWorld(tmp_path / "shop")
    header, sentence = read_csv(exported(world, tmp_path / "list.csv"))
    assert (len(header), sentence) == (len(COLUMNS), [f"Nobody is to be contacted by {TOMORROW}."])
    workbook = openpyxl.load_workbook(exported(world, tmp_path / "list.xlsx"))
    assert workbook.active.max_row == 2
    assert [row[2] for row in noted(world)] == [0, 0]
    result = mainstay(world.home, "care")
    assert (result.exit_code, "nobody is to be contacted by 2024-06-01" in result.output) == (0, True)


# --- whose it is, and where it may be ---------------------------------------------------------------------------------


def test_the_file_is_its_owners_alone_and_nothing_lies_beside_it(world: CareWorld, tmp_path: Path) -> None:
    path = exported(world, tmp_path / "list.csv")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert left(tmp_path) == ["list.csv"]
    path.chmod(0o644)
    exported(world, path, force=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_overwritten_by_force_alone(world: CareWorld, tmp_path: Path) -> None:
    path, other = tmp_path / "list.csv", tmp_path / "other.csv"
    path.write_text("mine")
    other.symlink_to(path)
    before = noted(world)
    for target in (path, other):
        with pytest.raises(SettingsError, match=r"is there already; .* --force"):
            export_list(world.settings, target)
    assert path.read_text() == "mine"
    assert noted(world) == before
    exported(world, other, force=True)
    assert (path.read_text(), other.is_symlink()) == ("mine", False)


def test_nothing_is_written_below_what_others_read_or_what_is_loaded(
    world: CareWorld, tmp_path: Path
) -> None:
    (world.settings.serving / "deep").mkdir(parents=True, exist_ok=True)
    world.settings.landing.mkdir(parents=True, exist_ok=True)
    way = tmp_path / "way"
    way.symlink_to(world.settings.serving)
    for folder in (world.settings.serving, world.settings.serving / "deep", way, world.settings.landing):
        with pytest.raises(SettingsError, match="lies below"):
            export_list(world.settings, folder / "list.csv")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "{}/list.ods"], ["list.ods", ".csv or .xlsx"]),
        (["--out", "{}/list"], [".csv or .xlsx"]),
        (["--out", "{}/nowhere/list.csv"], ["nowhere is no folder"]),
        (["--out", "{}/folder.csv"], ["is a folder"]),
        (["--date", "tomorrow"], ["'tomorrow' is no date", "YYYY-MM-DD"]),
        (["--date", "2024-05-30"], ["as of 2024-05-31", "from 2024-05-31 to 2024-06-14"]),
        (["--language", "de"], ["--language"]),
    ],
)  # fmt: skip
def test_wrong_arguments_end_with_2_and_write_nothing(
    world: CareWorld, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    (tmp_path / "folder.csv").mkdir()
    before = noted(world)
    result = mainstay(world.home, "care", *(a.format(tmp_path) for a in arguments), COLUMNS="400")
    says_one_thing(result, 2, *words)
    assert (left(tmp_path), noted(world)) == (["folder.csv"], before)


def test_before_there_are_marts_the_command_says_what_to_run(tmp_path: Path) -> None:
    says_one_thing(
        mainstay(tmp_path, "care", "--out", str(tmp_path / "a.csv")), 5, "never built", "mainstay nightly"
    )


# --- the ledger, kills and others --------------------------------------------------------------------------------------


def test_each_export_is_a_row_of_the_ledger_without_a_value_of_a_person(
    world: CareWorld, tmp_path: Path
) -> None:
    exported(world, tmp_path / "first.csv")
    (row,) = world.execute("from ops.exports order by exported_at desc limit 1")
    assert row[2:] == ("care", "night-1", TOMORROW, 7, ",".join(COLUMNS), "first.csv", "csv", "written")
    assert row[1]


def test_status_shows_the_last_exports(tmp_path: Path) -> None:
    world = CareWorld(tmp_path / "shop")
    exported(world, tmp_path / "first.csv")
    world.execute("drop schema raw cascade")  # half a one: status would look for the rest of it
    assert "first.csv" in mainstay(world.home, "status", COLUMNS="120").output
    (export,) = json.loads(mainstay(world.home, "status", "--json").stdout)["exports"]
    assert (export["rows"], export["status"]) == (0, "written")


def test_the_ledger_knows_of_the_file_before_it_is_there_and_of_a_failure(
    world: CareWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def full(target: Path, data: bytes, *, force: bool) -> None:
        seen.append((target.exists(), noted(world)[-1]))
        raise StorageError("no space")

    monkeypatch.setattr(exporting, "put", full)
    with pytest.raises(StorageError):
        export_list(world.settings, tmp_path / "full.csv")
    assert seen == [(False, ("full.csv", "csv", 7, "writing"))]
    assert noted(world)[-1] == ("full.csv", "csv", 7, "failed")


def test_a_full_disk_leaves_what_was_there(
    world: CareWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = exported(world, tmp_path / "list.csv")
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StorageError, match=r"list\.csv: .*No space left"):
        export_list(world.settings, path, force=True)
    assert (left(tmp_path), path.read_bytes()) == (["list.csv"], before)


def test_what_a_killed_export_left_is_not_followed_and_goes(world: CareWorld, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / ".list.csv.partial").symlink_to(victim)
    exported(world, tmp_path / "list.csv")
    assert (left(tmp_path), victim.read_text()) == (["list.csv", "victim"], "mine")


def test_of_two_exports_to_one_file_one_writes_it(world: CareWorld, tmp_path: Path) -> None:
    def attempt(_: int) -> str:
        try:
            export_list(world.settings, tmp_path / "list.csv")
        except SettingsError as error:
            return str(error)
        return "written"

    with ThreadPoolExecutor(2) as pool:
        ended = sorted(pool.map(attempt, range(2)))
    assert ended[1] == "written"
    assert "--force" in ended[0]
    assert len(read_csv(tmp_path / "list.csv")) == 8


# --- the command ----------------------------------------------------------------------------------------------------------


def test_without_a_file_nothing_personal_is_shown_and_nothing_is_noted(world: CareWorld) -> None:
    before = noted(world)
    shown = mainstay(world.home, "care", COLUMNS="200").output
    document = json.loads(mainstay(world.home, "care", "--json").stdout)
    for text in (shown, json.dumps(document)):
        assert "+c2" in text
        assert "8613800000000" not in text
        assert "calc" not in text
    assert (document["contacts"], document["unreachable"]) == (7, 1)
    assert document["by_priority"] == {"1": 6, "5": 1}
    assert not any(set(PERSONAL) & set(row) for row in document["rows"])
    assert noted(world) == before


def test_a_dry_run_says_what_it_would_write(world: CareWorld, tmp_path: Path) -> None:
    before = noted(world)
    result = mainstay(world.home, "care", "--out", str(tmp_path / "list.csv"), "--dry-run")
    assert result.exit_code == 0, result.output
    assert "7 contacts would be written to" in result.output
    assert "priority, customer_id, name" in " ".join(result.output.split())
    assert (left(tmp_path), noted(world)) == ([], before)


def test_the_command_writes_the_file_and_says_how_many(world: CareWorld, tmp_path: Path) -> None:
    target = tmp_path / "tomorrow.xlsx"
    result = mainstay(world.home, "care", "--out", str(target), "--language", "zh")
    assert result.exit_code == 0, result.output
    for words in ("7 contacts written to", "not reachable by their channel: 1", "personal data"):
        assert words in result.output
    document = json.loads(mainstay(world.home, "care", "--out", str(target), "--force", "--json").stdout)
    assert (document["path"], document["contacts"], document["is_written"]) == (str(target), 7, True)
