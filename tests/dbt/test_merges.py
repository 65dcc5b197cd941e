"""Two numbers that turn out to be one customer: what the marts make of it.

What a merge should give is not worked out here again: it is what the marts show if the source had written the
surviving number from the start.
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from deployments import Deployment, started
from merging_world import (
    BEFORE,
    ENDS,
    FIRST,
    IDS,
    LAST,
    MERGE_DAY,
    SURVIVOR,
    Marts,
    Rows,
    as_survivor,
    assert_built_in_part,
    assert_same,
    customers,
    deployment_in,
    land,
    marts,
    products,
)

from pipelines import steps
from pipelines.errors import BuildError
from pipelines.warehouse import ledger

pytestmark = pytest.mark.usefixtures("with_few_checks")


def merged(rows: Rows) -> Rows:
    """The master data with the merges in it."""
    return [{**row, "merged_into_customer_id": SURVIVOR.get(row["customer_id"])} for row in rows]


def customer_ids(deployment: Deployment) -> set[str]:
    return {row[0] for row in deployment.query("select customer_id from marts.dim_customers")}


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


@pytest.mark.soak
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


@pytest.mark.soak
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


@pytest.mark.soak
def test_as_of_a_date_before_the_merge_there_are_still_two_customers(
    world: tuple[Deployment, Marts, Marts], tmp_path: Path
) -> None:
    deployment, before, _ = world
    shutil.copytree(deployment.settings.home, tmp_path / "copy")
    copy = Deployment(deployment.settings.model_copy(update={"home": tmp_path / "copy"}))
    copy.fit(BEFORE)
    assert customer_ids(copy) == set(IDS)
    assert_same(marts(copy), before)


@pytest.mark.soak
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


@pytest.mark.soak
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


@pytest.mark.soak
@pytest.mark.usefixtures("with_dbt_tests")
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


def test_a_customer_merged_into_itself_is_quarantined(tmp_path: Path) -> None:
    deployment = deployment_in(tmp_path / "self")
    land(deployment, FIRST, FIRST)
    good = [{"customer_id": f"c{n}", "merged_into_customer_id": None} for n in range(120)]
    deployment.land("customers", FIRST, [*good, {"customer_id": "me", "merged_into_customer_id": "me"}])
    deployment.load()
    ((reasons,),) = deployment.query("select reasons from quarantine.customers")
    assert reasons == ["not_merged_into_itself: nobody is merged into themselves"]
    assert deployment.query("select count(*) from raw.customers") == [(120,)]


@pytest.mark.soak
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
