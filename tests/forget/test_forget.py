"""A person is erased from landing files and loaded rows, nobody else is, and no file brings them back."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import stat
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from scanning import scan
from shortening import only

from pipelines import steps
from pipelines.errors import ForgottenKeyError, UnknownCustomerError
from tests.deployments import Deployment, mainstay, says_one_thing
from tests.forget.forgetting_world import (
    ANNA,
    BEN,
    DAY,
    LATER,
    MARKERS,
    MERGED,
    KilledError,
    forget,
    kill_at,
    landed,
    rows_by_table,
    sale,
    unaccounted,
)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Loaded, and nobody forgotten yet: each test takes a copy."""
    world = landed(tmp_path_factory.mktemp("forgetting") / "home")
    world.load()
    return world


@pytest.fixture
def world(before: Deployment, tmp_path: Path) -> Deployment:
    home = tmp_path / "home"
    shutil.copytree(before.settings.home, home, symlinks=True)
    return Deployment(before.settings.model_copy(update={"home": home}))


@pytest.fixture(scope="module")
def forgotten(before: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Anna is forgotten; to be looked at only."""
    home = tmp_path_factory.mktemp("forgotten") / "home"
    shutil.copytree(before.settings.home, home, symlinks=True)
    world = Deployment(before.settings.model_copy(update={"home": home}))
    assert traces_of_anna(world), "the scan finds what is there"
    summary = forget(world)
    assert summary["customer_numbers"] == 2, "the merged number goes with the person"
    return world


def traces_of_anna(world: Deployment) -> list[str]:
    return scan(
        world.settings.var, [m.lower() for m in MARKERS], without=[world.settings.var / "dbt" / "parsed"]
    ).found


def test_nothing_of_the_person_is_left_below_var(forgotten: Deployment) -> None:
    assert traces_of_anna(forgotten) == []
    assert forgotten.query("select distinct state from ops.tombstones") == [("done",)]


def test_forgetting_a_merged_number_forgets_the_whole_person(world: Deployment) -> None:
    forget(world, MERGED)
    assert traces_of_anna(world) == []


def test_sales_stay_without_a_customer_and_all_else_goes(before: Deployment, forgotten: Deployment) -> None:
    revenue = "select sum(net_amount), count(*) from raw.transactions"
    assert forgotten.query(revenue) == before.query(revenue)
    who = "select transaction_id, customer_id, net_amount from raw.transactions order by all"
    assert forgotten.query(who) == [
        ("T1", None, Decimal("10.00")),
        ("T1", None, Decimal("12.00")),
        ("T2", None, Decimal("10.00")),
        ("T3", BEN, Decimal("10.00")),
        ("T4", None, Decimal("10.00")),
        ("T5", BEN, Decimal("10.00")),
    ]
    for table in ("feedback", "interactions", "wallet_surveys", "points_redemptions"):
        assert forgotten.query(f"select distinct customer_id from raw.{table}") == [(BEN,)], table
    referred = (
        "select customer_id, referred_by_customer_id from raw.customers where partition_date = '2025-03-02'"
    )
    assert forgotten.query(referred) == [(BEN, None)]


def test_every_row_that_came_in_is_still_accounted_for(forgotten: Deployment) -> None:
    assert unaccounted(forgotten) == []
    erased = forgotten.query(
        "select dataset, sum(erased) from ops.files where erased > 0 group by all order by all"
    )
    assert erased == [
        ("customers", 3),
        ("feedback", 1),
        ("interactions", 2),
        ("points_redemptions", 1),
        ("transactions", 3),
        ("wallet_surveys", 1),
    ]


def test_the_next_load_sees_no_changed_file(world: Deployment) -> None:
    forget(world)
    assert not any(world.load()["datasets"][n]["files"] for n in range(len(world.contracts)))


@pytest.mark.soak
def test_rewritten_files_load_as_the_very_rows_that_were_left(world: Deployment) -> None:
    forget(world)
    left = rows_by_table(world)
    run_id = world._start("load", date(2025, 3, 2))
    summary = steps.load(world.settings, run_id, None, None, reload=True)
    assert summary["files"] > 0
    assert rows_by_table(world) == left
    assert unaccounted(world) == []


def test_a_file_that_comes_again_brings_nobody_back(world: Deployment, before: Deployment) -> None:
    forget(world)
    left = rows_by_table(world)
    shutil.copytree(before.settings.landing, world.settings.landing, dirs_exist_ok=True)
    summary = world.load()
    assert summary["erased"] == 10
    # Only of those whose values are not known any more: a broken row that has no number of theirs.
    after = rows_by_table(world)
    strangers = [row for row in after["quarantine.transactions"] if "zqphone" in str(row)]
    after["quarantine.transactions"] = [r for r in after["quarantine.transactions"] if r not in strangers]
    assert len(strangers) == 1
    assert after == left
    assert unaccounted(world) == []


def test_later_files_are_without_them_too(world: Deployment) -> None:
    forget(world)
    path = world.land(
        "transactions", "2025-03-03", [sale(9, ANNA, day="2025-03-03"), sale(10, BEN, day="2025-03-03")]
    )
    world.load()
    assert ANNA not in path.read_text()
    sold = "select transaction_id, customer_id from raw.transactions where partition_date = '2025-03-03' order by all"
    assert world.query(sold) == [("T10", BEN), ("T9", None)]


def with_visits(world: Deployment) -> Path:
    """Add a dataset of the deployment's own, in which Anna and Ben are, and load it; gives its contract."""
    feedback = world.contracts["feedback"].path
    text = feedback.read_text("utf-8").replace("feedback/{date}", "visits/{date}")
    text = re.sub(r"(?m)^(\s*-? ?(?:name|physicalName): )feedback$", r"\1visits", text)
    contract = feedback.with_name("visits.odcs.yaml")
    contract.write_text(text, encoding="utf-8")
    staging = world.settings.models / "staging"
    staging.mkdir(parents=True, exist_ok=True)
    (staging / "stg_visits.sql").write_text("select * from {{ source('raw', 'visits') }}")
    common = {"feedback_at": f"{DAY} 11:00:00", "topic": "price", "comment_text": "zqcomment"}
    rows = [
        {"feedback_id": "V1", "customer_id": ANNA, "kind": "complaint", **common},
        {"feedback_id": "V2", "customer_id": ANNA, "kind": "no such kind", **common},
        {"feedback_id": "V3", "customer_id": BEN, "kind": "complaint", **common},
    ]
    world.land("visits", DAY, rows)
    world.load()
    return contract


@pytest.mark.soak
def test_tables_of_a_dataset_whose_contract_was_taken_away_go_and_come_back_without_the_person(
    world: Deployment,
) -> None:
    contract = with_visits(world)
    assert world.query("select count(*) from raw.visits") == [(2,)]
    text = contract.read_text("utf-8")
    contract.unlink()
    dry = steps.to_forget(world.settings, ANNA).as_dict()
    assert (dry["derived"], dry["dropped_without_contract"]) == ({"raw": 1}, {"visits": 3})
    assert world.query("select count(*) from raw.visits") == [(2,)]

    assert forget(world)["dropped_without_contract"] == {"visits": 3}
    tables = "select table_schema from information_schema.tables where table_name like 'visits%'"
    assert world.query(tables) == []
    assert b"zqcomment" not in world.settings.warehouse.read_bytes()

    contract.write_text(text, encoding="utf-8")
    path = world.path("visits", DAY)
    world.load()
    assert world.query("select feedback_id, customer_id from raw.visits") == [("V3", BEN)]
    assert world.query("select count(*) from quarantine.visits") == [(0,)]
    assert ANNA not in path.read_text()
    assert unaccounted(world) == []


def test_tables_without_contract_go_also_after_a_kill(world: Deployment) -> None:
    with_visits(world).unlink()
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, "landing_scrubbed")
        with pytest.raises(KilledError):
            forget(world)
    assert world.query("select count(*) from raw.visits") == [(2,)]
    steps.finish_forgetting(world.settings, "resumed")
    assert world.query("select schema_name from duckdb_tables() where table_name like 'visits%'") == []


MOMENTS = [
    "entombed",
    "landing_written",
    "landing_replaced",
    "landing_scrubbed",
    "rows_erased",
    "traces_erased",
    "versions_erased",
    "compacted",
]


def test_until_a_killed_erasure_is_finished_no_row_of_the_person_is_shown_or_written(
    world: Deployment, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, "entombed")
        with pytest.raises(KilledError):
            forget(world)
    target = tmp_path / "rejects.csv"
    for command in (["export", "transactions", str(target)], ["show", "transactions"]):
        result = mainstay(world.settings.home, "quarantine", *command)
        says_one_thing(result, 5, "`mainstay forget --resume` first")
        assert ANNA not in result.output
    assert not target.exists()
    assert mainstay(world.settings.home, "quarantine", "list").exit_code == 0


@pytest.mark.parametrize("moment", only(MOMENTS, "landing_written", "rows_erased", "versions_erased"))
def test_what_a_kill_left_the_next_run_finishes(world: Deployment, moment: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, moment)
        with pytest.raises(KilledError):
            forget(world)
    world.load()
    assert traces_of_anna(world) == []
    assert world.query("select distinct state from ops.tombstones") == [("done",)]
    assert unaccounted(world) == []


def test_a_dry_run_counts_and_changes_nothing(world: Deployment) -> None:
    files = {p: p.read_bytes() for p in world.settings.landing.rglob("*") if p.is_file()}
    rows = rows_by_table(world)
    found = steps.to_forget(world.settings, ANNA)
    assert found.as_dict()["rows_removed"] == {
        "customers": 3,
        "feedback": 1,
        "interactions": 2,
        "points_redemptions": 1,
        "wallet_surveys": 1,
    }
    assert found.as_dict()["rows_quarantined"] == {"transactions": 3}
    assert found.as_dict()["landing"]["transactions"] == {"files": 2, "rows_removed": 3, "rows_emptied": 5}
    assert rows_by_table(world) == rows
    assert {p: p.read_bytes() for p in files} == files
    assert not world.settings.forget_key.exists()


def test_an_unknown_number_is_said_and_leaves_no_tombstone(world: Deployment) -> None:
    with pytest.raises(UnknownCustomerError, match="no such customer"):
        forget(world, "C-NOBODY")
    assert world.query("select count(*) from ops.tombstones") == [(0,)]
    assert not world.settings.forget_key.exists()


def test_who_is_only_landed_is_known(world: Deployment) -> None:
    path = world.land("transactions", "2025-03-03", [sale(9, "C-NEW", day="2025-03-03")])
    forget(world, "C-NEW")
    assert "C-NEW" not in path.read_text()


def test_a_lost_key_is_noticed(world: Deployment) -> None:
    forget(world)
    assert stat.S_IMODE(world.settings.forget_key.stat().st_mode) == 0o600
    kept = world.settings.forget_key.read_bytes()
    world.settings.forget_key.unlink()
    with pytest.raises(ForgottenKeyError, match="Bring the file back"):
        world.load()
    world.settings.forget_key.write_bytes(kept)
    world.load()


@pytest.mark.soak
def test_a_warehouse_from_a_backup_forgets_again(world: Deployment, before: Deployment) -> None:
    forget(world)
    shutil.copy(before.settings.warehouse, world.settings.warehouse)
    world.load()
    assert traces_of_anna(world) == []


def test_line_ends_packing_and_untouched_rows_stay_as_they_are(world: Deployment) -> None:
    path = world.path("transactions", LATER)
    lines = path.read_bytes().replace(b"\n", b"\r\n").splitlines(keepends=True)
    path.write_bytes(b"\xef\xbb\xbf" + b"".join(lines))
    packed = world.path("transactions", DAY, "sales.csv.gz")
    path.chmod(0o640)
    world.load()
    forget(world)
    new = path.read_bytes()
    assert new.startswith(b"\xef\xbb\xbftransaction_id")
    assert [line for line in new.splitlines(keepends=True) if b"T5" in line] == [lines[2]]
    assert b"T1,1,erased," in new
    assert new.count(b"\r\n") == new.count(b"\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert gzip.decompress(packed.read_bytes()).count(b"erased") == 4


def test_the_command_asks_says_and_erases(world: Deployment) -> None:
    home = world.settings.home
    says_one_thing(mainstay(home, "forget"), 2, "name the customer")
    says_one_thing(mainstay(home, "forget", ANNA), 2, "give --yes")
    says_one_thing(mainstay(home, "forget", "C-NOBODY", "--yes"), 2, "no such customer")
    dry = mainstay(home, "forget", ANNA, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "customer numbers: 2" in dry.output
    done = mainstay(home, "forget", ANNA, "--yes")
    assert done.exit_code == 0, done.output
    assert ANNA not in done.output
    again = mainstay(home, "forget", ANNA, "--yes")
    says_one_thing(again, 2, "erased before")
    assert "unfinished erasures: 0" in mainstay(home, "forget", "--resume").output
    assert traces_of_anna(world) == []


def test_a_warehouse_begun_anew_knows_whom_it_has_to_forget(world: Deployment, before: Deployment) -> None:
    forget(world)
    world.settings.warehouse.unlink()
    shutil.copytree(before.settings.landing, world.settings.landing, dirs_exist_ok=True)
    assert world.load()["erased"] == 10
    assert world.query("select distinct customer_id from raw.transactions order by all") == [(BEN,), (None,)]
    assert world.query("select distinct state from ops.tombstones") == [("done",)]


@pytest.mark.soak
def test_control_totals_are_those_of_what_is_left(world: Deployment) -> None:
    path = world.path("points_redemptions", DAY)
    control = path.with_name(f"{path.name}.control.json")
    control.write_text('{"rows": 2, "points": 21}')
    run_id = world._start("load", date(2025, 3, 1))
    steps.load(world.settings, run_id, None, None, reload=True)
    forget(world)
    assert json.loads(control.read_text()) == {"rows": "1", "points": "11"}
    assert world.query("select landed, loaded from ops.controls") == [("11.000000", "11")]
    steps.load(world.settings, world._start("load", date(2025, 3, 1)), None, None, reload=True)
    assert unaccounted(world) == []
