"""Two numbers that turn out to be one customer, and products that change their category: what the marts make of it.

What a merge should give is not worked out here again: it is what the marts show if the source had written the
surviving number from the start.
"""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from deployments import Deployment, create, started

from pipelines import steps
from pipelines.contracts import mart_contracts
from pipelines.errors import BuildError
from pipelines.warehouse import ledger

FIRST = date(2024, 1, 10)
BEFORE = date(2024, 4, 26)
MERGE_DAY = date(2024, 5, 5)
LAST = date(2024, 5, 15)

SURVIVOR = {"old": "mid", "mid": "new", "gone": "unlisted"}
"""Whom the merge day's export merges into whom; `unlisted` never has master data."""
ENDS = {"old": "new", "mid": "new", "gone": "unlisted"}
IDS = ("old", "mid", "new", "gone", "friend", "other")

Rows = list[dict[str, Any]]
Marts = dict[str, list[tuple[Any, ...]]]


def customers() -> Rows:
    return [
        {"customer_id": "old", "full_name": "Li", "gender": "f", "region": "north", "registered_on": FIRST},
        {"customer_id": "mid", "region": "west", "segment": "club"},
        {"customer_id": "new", "full_name": "Li Na", "region": "south", "referred_by_customer_id": "old"},
        {"customer_id": "gone", "age_band": "35-44"},
        {"customer_id": "friend", "referred_by_customer_id": "mid"},
        {"customer_id": "other", "age_band": "35-44", "referred_by_customer_id": "friend"},
    ]


def sales(first: date, last: date) -> Rows:
    """One customer buys every day, the others every ten days or so, the merged ones to the end; some return goods."""
    lines = []
    for place, customer in enumerate(IDS):
        every = 1 if customer == "other" else 10 + place
        for n in range((LAST - FIRST).days // every + 1):
            day = FIRST + timedelta(days=n * every)
            line = {
                "transaction_id": f"t-{customer}-{n}",
                "line_number": 1,
                "customer_id": customer,
                "product_id": "p2" if customer == "other" else ("p1", "p2", None)[(n + place) % 3],
                "transaction_at": f"{day} 11:00:00",
                "quantity": 1,
                "net_amount": f"{-20 if n % 7 == 6 else 35.5 * (place + 1) + 11 * (n % 9):.2f}",
                "channel": "shop" if n % 2 else None,
            }
            if first <= day <= last:
                lines.append(line)
    return lines


def contacts(last: date) -> dict[str, Rows]:
    """Feedback, interactions and surveys of February and May up to a date, by dataset."""
    rows: dict[str, Rows] = {"feedback": [], "interactions": [], "wallet_surveys": []}
    for month in (2, 5):
        for place, customer in enumerate(IDS):
            at = f"2024-{month:02}-{place + 2:02} 10:00:00"
            if date.fromisoformat(at[:10]) > last:
                continue
            rows["feedback"].append(
                {"feedback_id": f"f{month}{customer}", "customer_id": customer, "feedback_at": at, "kind": "nps", "score": place}
            )  # fmt: skip
            rows["interactions"].append(
                {
                    "interaction_id": f"i{month}{customer}",
                    "customer_id": customer,
                    "interaction_at": at,
                    "direction": "inbound" if place % 2 else "outbound",
                    "kind": "call",
                }
            )
            # All are asked on one day, so that one person has answered twice.
            for brand, rank in (("own", 2), ("rival", 1), *((("third", 3),) if place % 2 else ())):
                rows["wallet_surveys"].append(
                    {
                        "survey_id": f"s{month}{customer}",
                        "category": "tea",
                        "brand": brand,
                        "customer_id": customer,
                        "surveyed_at": f"2024-{month:02}-03 10:00:00",
                        "is_own_brand": brand == "own",
                        "preference_rank": rank,
                        "declared_wallet": None if customer == "new" else 300 + 10 * place,
                    }
                )
    rows["feedback"].append({"feedback_id": "nobody", "feedback_at": f"{FIRST} 10:00:00", "kind": "praise"})
    return rows


def products(**category: str) -> Rows:
    """Two products; the keywords give a product another category."""
    usual = {"p1": "tea", "p2": "wine"} | category
    return [{"product_id": p, "category": c, "unit_cost": "12.5"} for p, c in usual.items()]


def as_survivor(rows: Rows) -> Rows:
    """The rows as a source would have written them that knew of the merges from the start."""
    written = []
    for row in rows:
        row = {k: ENDS.get(v, v) if k.endswith("customer_id") else v for k, v in row.items()}
        if row.get("referred_by_customer_id") == row.get("customer_id"):
            row.pop("referred_by_customer_id", None)
        written.append(row)
    return written


def merged(rows: Rows) -> Rows:
    """The master data with the merges in it."""
    return [{**row, "merged_into_customer_id": SURVIVOR.get(row["customer_id"])} for row in rows]


def land(deployment: Deployment, first: date, last: date, *, knows_merges: bool = False) -> None:
    """Land, on the last date, the sales of these dates and what contacts there are up to then."""
    for dataset, rows in {"transactions": sales(first, last), **contacts(last)}.items():
        if rows:
            deployment.land(dataset, last, as_survivor(rows) if knows_merges else rows)


def marts(deployment: Deployment) -> Marts:
    """Every published table, row for row."""
    return {name: deployment.query(f'select * from marts."{name}" order by all') for name in mart_contracts()}


def assert_same(marts: Marts, expected: Marts) -> None:
    assert set(marts) == set(expected)
    for name, rows in expected.items():
        assert marts[name] == rows, name


def customer_ids(deployment: Deployment) -> set[str]:
    return {row[0] for row in deployment.query("select customer_id from marts.dim_customers")}


def deployment_in(home: Path) -> Deployment:
    home.mkdir()
    return create(home)


def assert_built_in_part(deployment: Deployment) -> None:
    """The last build made only some dates of the transactions anew; else a test of it would prove little."""
    ((refresh,),) = deployment.query(
        "select json_extract_string(detail, '$.refresh') from ops.steps where step = 'build' "
        "order by sequence desc limit 1"
    )
    assert refresh == "stale dates"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Deployment, Marts, Marts]:
    """A deployment that learnt of the merges after months, with its marts from before and after."""
    deployment = deployment_in(tmp_path_factory.mktemp("merges") / "learnt")
    deployment.land("products", FIRST, products())
    deployment.land("customers", FIRST, customers())
    land(deployment, FIRST, BEFORE)
    deployment.load()
    deployment.fit(BEFORE)
    before = marts(deployment)
    assert before["customer_retention"]
    assert before["share_of_wallet_monthly"]
    land(deployment, BEFORE + timedelta(days=1), LAST)
    # Just the changed customers, as a source that exports changes does.
    deployment.land("customers", MERGE_DAY, [r for r in merged(customers()) if r["merged_into_customer_id"]])
    deployment.load()
    deployment.fit(LAST)
    assert_built_in_part(deployment)
    return deployment, before, marts(deployment)


def test_merged_customers_have_the_marts_of_one_who_always_had_the_surviving_number(
    world: tuple[Deployment, Marts, Marts], tmp_path: Path
) -> None:
    _, before, after = world
    known = deployment_in(tmp_path / "known")
    known.land("products", FIRST, products())
    known.land("customers", FIRST, as_survivor([r for r in customers() if r["customer_id"] not in SURVIVOR]))
    land(known, FIRST, LAST, knows_merges=True)
    known.load()
    known.fit(LAST)
    assert customer_ids(known) == {"new", "unlisted", "friend", "other"}
    assert_same(after, marts(known))
    assert after["dim_customers"] != before["dim_customers"]


def test_a_survivor_keeps_its_own_attributes(world: tuple[Deployment, Marts, Marts]) -> None:
    deployment, _, _ = world
    assert deployment.query(
        "select customer_id, is_known, region, gender, segment, referred_by_customer_id "
        "from marts.dim_customers where customer_id in ('new', 'unlisted', 'friend') order by 1"
    ) == [
        ("friend", True, None, None, None, "new"),
        ("new", True, "south", None, None, None),
        ("unlisted", False, None, None, None, None),
    ]


def test_as_of_a_date_before_the_merge_there_are_still_two_customers(
    world: tuple[Deployment, Marts, Marts], tmp_path: Path
) -> None:
    deployment, before, _ = world
    shutil.copytree(deployment.settings.home, tmp_path / "copy")
    copy = Deployment(deployment.settings.model_copy(update={"home": tmp_path / "copy"}))
    copy.fit(BEFORE)
    assert customer_ids(copy) == set(IDS)
    assert_same(marts(copy), before)


def test_every_staged_row_keeps_the_number_that_the_source_wrote(
    world: tuple[Deployment, Marts, Marts],
) -> None:
    deployment, _, _ = world
    for dataset in ("transactions", "feedback", "interactions", "wallet_surveys"):
        pairs = deployment.query(
            f"select distinct source_customer_id, customer_id from staging.stg_{dataset} "
            "where source_customer_id is not null order by 1"
        )
        assert pairs == sorted((id, ENDS.get(id, id)) for id in IDS), dataset
    run_id = ledger.new_run_id("look", LAST)
    steps.start(deployment.settings, run_id, "look", LAST)
    assert steps.validate(deployment.settings, run_id, "staging", None, None)


def test_a_merge_taken_back_restores_both_customers(tmp_path: Path) -> None:
    built = []
    for name, merges in (("taken-back", merged), ("never", list)):
        deployment = deployment_in(tmp_path / name)
        deployment.land("products", FIRST, products())
        land(deployment, FIRST, LAST)
        deployment.land("customers", FIRST, customers())
        deployment.land("customers", MERGE_DAY, merges(customers()))
        deployment.land("customers", LAST, customers())
        deployment.load()
        if name == "taken-back":
            deployment.fit(LAST - timedelta(days=1))
            assert customer_ids(deployment) == {"new", "unlisted", "friend", "other"}
        deployment.fit(LAST)
        if name == "taken-back":
            assert_built_in_part(deployment)
        assert customer_ids(deployment) == set(IDS)
        built.append(marts(deployment))
    assert_same(*built)


def test_a_circle_stops_the_build_until_it_is_broken(tmp_path: Path) -> None:
    deployment = deployment_in(tmp_path / "circle")
    land(deployment, FIRST, FIRST)
    circle = [
        {"customer_id": "old", "merged_into_customer_id": "new"},
        {"customer_id": "new", "merged_into_customer_id": "old"},
    ]
    deployment.land("customers", FIRST, circle)
    deployment.load()
    with pytest.raises(BuildError, match="every_merged_customer_has_a_survivor"):
        deployment.fit(FIRST)
    assert deployment.query(
        "select customer_id from staging.stg_customer_merges where surviving_customer_id is null order by 1"
    ) == [("new",), ("old",)]
    deployment.land("customers", FIRST, circle[:1])
    deployment.load()
    deployment.fit(FIRST)
    assert "old" not in customer_ids(deployment)
    deployment.land("customers", FIRST, circle)
    deployment.load()
    with pytest.raises(BuildError, match="every_merged_customer_has_a_survivor"):
        deployment.fit(FIRST)


def test_a_customer_merged_into_itself_is_quarantined(tmp_path: Path) -> None:
    deployment = deployment_in(tmp_path / "self")
    land(deployment, FIRST, FIRST)
    good = [{"customer_id": f"c{n}", "merged_into_customer_id": None} for n in range(120)]
    deployment.land("customers", FIRST, [*good, {"customer_id": "me", "merged_into_customer_id": "me"}])
    deployment.load()
    ((reasons,),) = deployment.query("select reasons from quarantine.customers")
    assert reasons == ["not_merged_into_itself: nobody is merged into themselves"]
    assert deployment.query("select count(*) from raw.customers") == [(120,)]


def test_an_export_without_merges_needs_no_such_column(tmp_path: Path) -> None:
    deployment = started(tmp_path / "shop")
    path = deployment.settings.contracts / "sources" / "customers.odcs.yaml"
    contract = yaml.safe_load(path.read_text(encoding="utf-8"))
    table = contract["schema"][0]
    table["properties"] = [p for p in table["properties"] if p["name"] != "merged_into_customer_id"]
    table["quality"] = [q for q in table["quality"] if q["name"] != "not_merged_into_itself"]
    path.write_text(yaml.safe_dump(contract, allow_unicode=True), encoding="utf-8")
    land(deployment, FIRST, FIRST)
    landed = deployment.land("customers", FIRST, customers())
    assert "merged_into" not in landed.read_text(encoding="utf-8")
    deployment.load()
    deployment.fit(FIRST)
    assert deployment.query("select count(*) from staging.stg_customer_merges") == [(0,)]
    assert customer_ids(deployment) == set(IDS)


@pytest.mark.soak
def test_a_recategorised_product_has_its_new_category_in_all_of_history(tmp_path: Path) -> None:
    told = deployment_in(tmp_path / "told")
    told.land("products", FIRST, products())
    told.land("customers", FIRST, customers())
    land(told, FIRST, LAST)
    told.load()
    told.fit(LAST - timedelta(days=1))
    before = marts(told)
    told.land("products", LAST, products(p1="coffee")[:1])
    told.load()
    told.fit(LAST)
    assert_built_in_part(told)
    sold = "select product_id, category, min(business_date) from marts.fct_transactions group by all order by all"
    assert {(product, category) for product, category, _ in told.query(sold)} == {
        ("p1", "coffee"), ("p2", "wine"), (None, "unknown"),
    }  # fmt: skip

    known = deployment_in(tmp_path / "known")
    known.land("products", FIRST, products(p1="coffee"))
    known.land("customers", FIRST, customers())
    land(known, FIRST, LAST)
    known.load()
    known.fit(LAST)
    assert_same(marts(told), marts(known))

    told.fit(LAST - timedelta(days=1))
    assert ("p1", "tea") in {(product, category) for product, category, _ in told.query(sold)}
    assert_same(marts(told), before)
