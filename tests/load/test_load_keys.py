"""Keys that come again: a correction replaces, a key reused for something else is counted, and too many stop the load."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import duckdb
import pytest
from loading_world import World

from pipelines.contracts import canonical_contracts
from pipelines.errors import LoadError
from pipelines.land import discover
from pipelines.load import load_datasets
from pipelines.warehouse.reuse import reused_by_date, reused_rows

DAYS = ("2017-03-01", "2017-03-02", "2017-03-03")


def sale(number: object, customer: str, day: str, amount: int = 10, hour: int = 10) -> str:
    return f"S{number},1,{customer},{day} {hour}:00:00,{amount},1,0.5,false,{day},x"


def restarting(world: World) -> None:
    """Three sales a day on three days, numbered from 1 each day."""
    for day in DAYS:
        world.rows(*(sale(n, f"c{n}", day) for n in (1, 2, 3)), day=day)


@pytest.mark.parametrize("way", ["at once", "night by night", "last day first"])
def test_receipt_numbers_that_start_again_stop_the_load(world: World, way: str) -> None:
    world.setting(toleratedKeyReuseRate=None)
    restarting(world)
    landed, kept = world.settings.landing / "transactions", world.home / "kept"
    rounds = [DAYS] if way == "at once" else [(d,) for d in (DAYS if way == "night by night" else DAYS[::-1])]
    shutil.move(landed, kept)

    def nights() -> None:
        for days in rounds:
            for day in days:
                shutil.copytree(kept / day, landed / day)
            world.load()

    with pytest.raises(
        LoadError,
        match=r"2017-03-0\d: 3 of 3 rows have the transaction_id with line_number of an earlier row of another customer or "
        r"business date, 100.00% where 1.00% is tolerated.*Widen the key in .*transformLogic.*toleratedKeyReuseRate",
    ):
        nights()


def test_a_key_widened_by_an_expression_tells_the_sales_apart(world: World) -> None:
    world.column("receipt_number", physicalName="transaction_id")
    world.column(
        "transaction_id", transformLogic="strftime(business_date, '%Y%m%d') || '-' || receipt_number"
    )
    restarting(world)
    result = world.setting(toleratedKeyReuseRate=0).load()
    assert (result.loaded, result.reused) == (9, 0)
    assert len(set(world.ids())) == 9
    assert world.query("SELECT sum(net_amount)::int FROM raw.transactions") == [(90,)]


def held(world: World) -> list[tuple[str, str, int]]:
    """The rows that staging would show."""
    return world.query(
        "SELECT transaction_id, customer_id, net_amount::int FROM raw.transactions "
        "QUALIFY row_number() OVER (PARTITION BY transaction_id, line_number ORDER BY partition_date DESC) = 1 ORDER BY ALL"
    )


@pytest.mark.search
def test_a_correction_replaces_and_a_reused_key_is_counted_whatever_the_order(tmp_path: Path) -> None:
    """S1 is corrected by its own customer on its own day, S2 comes for another customer, S3 for another day."""
    landings = {
        DAYS[0]: [sale(n, f"c{n}", DAYS[0]) for n in (1, 2, 3)],
        DAYS[1]: [sale(1, "c1", DAYS[0], 11, 12), sale(2, "c9", DAYS[0], 12), sale(4, "c4", DAYS[1])],
        DAYS[2]: [sale(3, "c3", DAYS[2], 13), sale(5, "c5", DAYS[2])],
    }
    seen = set()
    for number, order in enumerate([(DAYS,), *(((d,) for d in p) for p in itertools.permutations(DAYS))]):
        world = World(tmp_path / str(number)).setting(toleratedKeyReuseRate=0.5)
        for part in order:
            for day in part:
                world.rows(*landings[day], day=day)
            last = world.load()
        [(reused,)] = world.query(f"SELECT sum(reused)::int FROM ({reused_by_date(world.parsed)})")
        seen.add((tuple(held(world)), reused))
        assert last.reused > 0 or number > 0
        assert world.load().unchanged == 3
    assert seen == {
        ((("S1", "c1", 11), ("S2", "c9", 12), ("S3", "c3", 13), ("S4", "c4", 10), ("S5", "c5", 10)), 2)
    }


def test_the_tolerance_is_a_share_of_each_landing_date(world: World) -> None:
    world.setting(toleratedKeyReuseRate=0.25)
    world.rows(*(sale(n, "c1", DAYS[0]) for n in range(4)))
    world.rows(
        *(sale(n, "c2", DAYS[0]) if n == 0 else sale(n + 9, "c1", DAYS[1]) for n in range(4)), day=DAYS[1]
    )
    assert world.load().reused == 1
    world.setting(toleratedKeyReuseRate=0.24)
    with pytest.raises(LoadError, match=r"2017-03-02: 1 of 4 rows .* 25.00% where 24.00% is tolerated"):
        world.load()


def test_a_partition_loaded_late_is_the_earlier_one_to_those_that_stand(world: World) -> None:
    world.setting(toleratedKeyReuseRate=0)
    world.rows(sale(1, "c1", DAYS[1]), day=DAYS[1])
    world.load()
    world.rows(sale(1, "c2", DAYS[0]), day=DAYS[0])
    with pytest.raises(LoadError, match=r"transactions 2017-03-02: 1 of 1 rows"):
        world.load()
    assert world.raw("customer_id") == [("c1",)]
    assert world.setting(toleratedKeyReuseRate=1).load().reused == 1


def test_within_a_date_the_last_line_of_the_last_file_holds_and_reuse_is_told_from_correction(
    world: World,
) -> None:
    """Three tills that number alike; a copied line and a corrected one are no reuse."""
    day = DAYS[0]
    world.rows(sale(1, "c1", day), sale(2, "c2", day), sale(2, "c2", day), name="till_1.csv")
    world.rows(sale(1, "c2", day), sale(3, "c3", day, 5), sale(3, "c3", day, 6), name="till_2.csv")
    world.rows(sale(1, "c3", day), name="till_3.csv")
    result = world.setting(toleratedKeyReuseRate=0.5).load()
    assert (result.loaded, result.duplicates, result.reused) == (3, 4, 2)
    assert held(world) == [("S1", "c3", 10), ("S2", "c2", 10), ("S3", "c3", 6)]
    kinds = world.query("SELECT kind, count(*) FROM duplicates.transactions GROUP BY ALL ORDER BY ALL")
    assert kinds == [("exact", 1), ("key", 1), ("reused", 2)]
    with pytest.raises(LoadError, match="2 of 7 rows"):
        world.setting(toleratedKeyReuseRate=0.2).load()


def test_two_sales_without_a_customer_are_told_apart_by_their_moment(world: World) -> None:
    contract = world.parsed
    columns = "transaction_id, line_number, partition_date, business_date, customer_id, transaction_at"
    rows = (
        "(VALUES ('a', 1, 1, 1, NULL, '10:00'), ('a', 1, 2, 1, NULL, '11:00'), ('b', 1, 1, 1, NULL, '10:00'), "
        f"('b', 1, 2, 1, NULL, '10:00'), ('c', 1, 1, 1, 'c1', '10:00'), ('c', 1, 2, 1, 'c1', '11:00')) AS t({columns})"
    )
    assert [r[0] for r in duckdb.sql(reused_rows(contract, rows)).fetchall()] == ["a"]


def test_master_data_comes_again_by_its_nature(world: World) -> None:
    shipped = canonical_contracts()["customers"]
    shutil.copy(shipped.path, world.contract_path.with_name("customers.odcs.yaml"))
    names = [c.source_name for c in shipped.source_columns]
    for day in DAYS:
        path = world.settings.landing / "customers" / day / "c.csv"
        path.parent.mkdir(parents=True)
        path.write_text(
            f"{','.join(names)}\n{','.join({'customer_id': 'c1', 'registered_on': day}.get(n, '') for n in names)}\n"
        )
    [result] = load_datasets(world.settings, "run", None, None, ["customers"])
    assert (result.loaded, result.reused) == (3, 0)


ONE_DAYS_FILES = (
    "1/b.csv", "2/a.csv", "10/2.csv", "10/9.csv", "10/09b.csv", "10/10.csv", "10/010.csv", "10/sales.csv", "10/sales (2).csv",
    "10/sales (10).csv", "10/sales-3.csv", "10/sales_1.csv",
)  # fmt: skip


def test_the_files_of_a_date_are_in_the_order_in_which_a_person_counts(tmp_path: Path) -> None:
    world = World(tmp_path).server(path="{date}/till_*/*.csv")
    for name in sorted(ONE_DAYS_FILES):
        world.land("x", name=f"../../{DAYS[0]}/till_{name}")
    found = [
        str(file.path.parent.name + "/" + file.path.name) for file in discover(world.settings, world.parsed)
    ]
    assert set(found) == {f"till_{name}" for name in ONE_DAYS_FILES}
    wanted = ["2", "9", "09b", "010", "10", "sales", "sales (2)", "sales (10)", "sales-3", "sales_1"]
    assert found == ["till_1/b.csv", "till_2/a.csv", *(f"till_10/{name}.csv" for name in wanted)]


@pytest.mark.parametrize("ways", ["quick", "careful", "the first quick", "the last quick", "one by one"])
def test_the_last_file_holds_and_10_comes_after_9(tmp_path: Path, ways: str) -> None:
    world = World(tmp_path).setting(toleratedRejectRate=1, toleratedKeyReuseRate=1)
    careful = {"careful": (2, 9, 10), "the first quick": (9, 10), "the last quick": (2, 9)}.get(ways, ())
    for number in (9, 10, 2):
        rows = [sale(1, "c1", DAYS[0], number), *(["bad"] if number in careful else [])]
        world.rows(*rows, name=f"{number}.csv")
        if ways == "one by one":
            world.load()
    world.load()
    assert world.raw("net_amount::int") == [(10,)]
    assert world.query("SELECT count(*) FROM duplicates.transactions") == [(2,)]
