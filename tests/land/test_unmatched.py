"""Files that no contract matches are named, and so are dates that are missing between landed ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from deployments import Deployment, create, mainstay

from pipelines.closed_days import read_closed_days
from pipelines.errors import SettingsError
from pipelines.land import landing_gaps, unmatched_files
from pipelines.land.unmatched import gaps, spans
from pipelines.settings import Settings, load_settings

ROW = {"transaction_id": "t1", "line_number": 1, "customer_id": "c1", "net_amount": "1"}
STRAY = [
    "transactions/2024-5-2/sales.csv",
    "transactions/2024-05-03 (1).csv",
    "transactions/2024-05-03/sales.xlsx",
    "transactions/2024-02-30/sales.csv",
    "Transactions/2024-05-03/sales.csv",
    "orders/2024-05-03/orders.csv",
    "2024-05-04.csv",
    "交易/2024-05-04.csv",
]
LEFT_ALONE = ["transactions/.2024-05-03.csv", "transactions/_note.txt", "x.csv.part", ".cache/a.csv", "y.tmp"]


def shop_of(folder: Path, days: list[str], **settings: object) -> Deployment:
    shop = create(folder / "shop", **settings)
    for day in days:
        shop.land(
            "transactions", day, [ROW | {"transaction_id": f"t-{day}", "transaction_at": f"{day} 10:00:00"}]
        )
    return shop


def put(shop: Deployment, names: list[str]) -> None:
    for name in names:
        path = shop.settings.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a,b\n", encoding="utf-8")


def test_every_file_that_is_no_datasets_is_named_by_land_status_and_doctor(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, ["2024-05-01"])
    put(shop, STRAY + LEFT_ALONE)
    assert sorted(map(str, unmatched_files(shop.settings))) == sorted(STRAY)
    home = shop.settings.home
    landed = mainstay(home, "land", "2024-05-01")
    assert landed.exit_code == 0
    for said in (landed.output, mainstay(home, "status").output, mainstay(home, "doctor").output):
        assert "never loaded" in said
        assert "'2024-05-04.csv'" in said
        assert "transactions/{date}/*.csv*" in said
    assert sorted(json.loads(mainstay(home, "status", "--json").stdout)["unmatched"]) == sorted(STRAY)
    assert json.loads(mainstay(home, "land", "2024-05-01", "--json").stdout)["unmatched"] == len(STRAY)


def test_a_link_is_followed_where_it_leads_to_landed_files_and_else_named_itself(tmp_path: Path) -> None:
    shop, till = shop_of(tmp_path, ["2024-05-01"]), tmp_path / "till"
    landing = shop.settings.landing
    (landing / "again").symlink_to(landing)
    assert unmatched_files(shop.settings) == []
    (landing / "transactions").rename(till)
    (landing / "transactions").symlink_to(till)
    (landing / "machine").symlink_to("/")
    (till / "2024-5-2.csv").write_text("a", encoding="utf-8")
    assert [str(path) for path in unmatched_files(shop.settings)] == ["machine", "transactions/2024-5-2.csv"]


def test_a_name_that_is_no_text_and_a_folder_that_is_closed_are_named_and_stop_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shop_of(tmp_path, ["2024-05-01"])
    put(shop, ["a\udcff\x1b[2J.csv", "lost+found/x", "x" * 250])
    entries = Path.iterdir

    def closed(folder: Path) -> Iterator[Path]:
        if folder.name == "lost+found":
            raise PermissionError(13, "Permission denied", str(folder))
        return entries(folder)

    monkeypatch.setattr(Path, "iterdir", closed)
    for command in (
        ["land", "2024-05-01"],
        ["land", "2024-05-01", "--json"],
        ["status"],
        ["status", "--json"],
    ):
        said = mainstay(shop.settings.home, *command)
        assert said.exit_code == 0, said.output
        assert "\\udcff" in said.output
        assert "lost+found" in said.output
        assert "\x1b" not in said.output


def test_beside_an_absolute_location_too(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, [])
    sources, place = shop.settings.home / "data_contracts" / "sources", tmp_path / "till"
    shipped = shop.contracts["transactions"].path.read_text(encoding="utf-8")
    sources.mkdir(parents=True)
    (sources / "transactions.odcs.yaml").write_text(
        shipped.replace("path: transactions/{date}/*.csv*", f"path: {place}/{{date}}.csv"), encoding="utf-8"
    )
    place.mkdir()
    for name in ("2024-05-01.csv", "2024-5-2.csv"):
        (place / name).write_text("a\n", encoding="utf-8")
    assert unmatched_files(shop.settings) == [place / "2024-5-2.csv"]


DAILY = [date(2024, 5, day) for day in (1, 2, 3, 6, 7, 10)]


@pytest.mark.parametrize(
    ("landed", "closed", "missing"),
    [
        (DAILY, None, "2024-05-04 to 2024-05-05, 2024-05-08 to 2024-05-09"),
        (DAILY, "Saturday, sunday", "2024-05-08 to 2024-05-09"),
        (DAILY, "saturday,sunday, 05-08, 2024-05-09", ""),
        (DAILY, "2024-05-04..2024-05-09", ""),
        ([date(2024, 1, 1) + timedelta(days=7 * n) for n in (0, 1, 2, 4)], None, "2024-01-22"),
        ([date(2024, month, 1) for month in (1, 2, 3, 4, 5, 6)], None, ""),
        ([date(2024, 1, 1)], None, ""),
        ([], None, ""),
    ],
)
def test_gaps_are_dates_without_a_file_but_closed_days(
    landed: list[date], closed: str | None, missing: str
) -> None:
    assert spans(gaps(landed, read_closed_days(closed))) == missing


def test_status_and_doctor_list_gaps_and_a_loaded_date_is_none(tmp_path: Path) -> None:
    shop = shop_of(tmp_path, ["2024-05-01", "2024-05-02", "2024-05-03", "2024-05-05", "2024-05-07"])
    home = shop.settings.home
    shop.load()
    shop.path("transactions", "2024-05-03").unlink()
    said = " ".join(mainstay(home, "status").output.split())
    assert "no file between landed dates: transactions 2024-05-04, 2024-05-06;" in said
    assert "no file between landed dates: transactions 2024-05-03 to 2024-05-04" in " ".join(
        mainstay(home, "doctor").output.split()
    )
    assert (
        "no file between"
        not in mainstay(home, "status", MAINSTAY_CLOSED_DAYS="2024-05-04..2024-05-06").output
    )
    assert landing_gaps(shop.settings.model_copy(update={"closed_days": "monday,saturday,friday"})) == {}


@pytest.mark.parametrize(
    "wrong", ["sundays", "13-01", "2024-02-30", "2024-05-02..2024-05-01", "2024", "05/01"]
)
def test_a_closed_day_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("MAINSTAY_CLOSED_DAYS", f"sunday, {wrong}")
    with pytest.raises(SettingsError, match=r"CLOSED_DAYS: .*is no closed day; write a weekday"):
        load_settings()


def test_the_twenty_ninth_of_february_can_be_closed_each_year() -> None:
    assert date(2024, 2, 29) in read_closed_days("02-29")
    assert Settings(closed_days=None).closed == read_closed_days("")


def test_dbt_is_told_of_closed_days_by_iso_weekdays_dates_and_ranges() -> None:
    closed = read_closed_days("sunday, monday, 12-25, 2025-01-28..2025-02-04, 2025-03-01")
    assert closed.as_variable() == {
        "weekdays": [1, 7],
        "every_year": [[12, 25]],
        "ranges": [["2025-01-28", "2025-02-04"], ["2025-03-01", "2025-03-01"]],
    }
    assert read_closed_days(None).as_variable() == {"weekdays": [], "every_year": [], "ranges": []}
