"""What a deployment adds by contract alone: a dataset of its own, and columns of its own that reach BI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from deployments import FOREIGN, ODD_NAME, Deployment, mainstay, says_one_thing, started
from nights_world import database, night, sales

from pipelines.contracts import mart_contracts
from pipelines.orchestrate.request import Backfill
from pipelines.settings import dataset_names

pytestmark = pytest.mark.usefixtures("with_few_checks")

DAY = date(2024, 5, 6)
VISITS = """
apiVersion: v3.1.0
kind: DataContract
id: urn:shop:source:store_visits
name: store_visits
version: 1.0.0
status: active
servers:
  - {server: landing, type: local, path: "store_visits/{date}/*.csv", format: csv}
customProperties:
  - {property: businessTime, value: visited_at}
schema:
  - name: store_visits
    dataGranularityDescription: One row per visit.
    properties:
      - {name: visit_id, physicalType: VARCHAR, logicalType: string, primaryKey: true, required: true, description: The visit.}
      - {name: customer_id, physicalType: VARCHAR, logicalType: string, description: Who came.}
      - {name: visited_at, physicalType: TIMESTAMP, logicalType: timestamp, required: true, description: When.}
      - {name: guest_name, physicalType: VARCHAR, logicalType: string, classification: pii, description: As told.}
      - name: minutes
        physicalType: INTEGER
        logicalType: integer
        description: How long the visit took.
        logicalTypeOptions: {minimum: 0}
"""
STG_VISITS = """
with source as (
    {{ held_rows('store_visits', ['visit_id']) }}
)

select
    source.visit_id,
    source.customer_id,
    source.visited_at,
    source.minutes,
    source.business_date
from source
"""


def add_column(deployment: Deployment, dataset: str, name: str, type_: str = "VARCHAR", **more: Any) -> None:
    """A column of the deployment's own at the end of a dataset's contract, published."""
    path = deployment.contracts[dataset].path
    document = yaml.safe_load(path.read_text("utf-8"))
    column = {"name": name, "physicalType": type_, "logicalType": "string", "description": f"The {name}."}
    column |= {"customProperties": [{"property": "publish", "value": True}]} | more
    document["schema"][0]["properties"].append(column)
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def others_settings() -> Iterator[None]:
    """No setting that another project has left in the environment reaches a night."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in FOREIGN.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A deployment with a dataset of its own, and a country and a payment kind, after one night; in a folder of odd name."""
    deployment = started(tmp_path_factory.mktemp("own") / ODD_NAME)
    home = deployment.settings.home
    (home / "data_contracts" / "sources" / "store_visits.odcs.yaml").write_text(VISITS, encoding="utf-8")
    (home / "models" / "staging").mkdir(parents=True)
    (home / "models" / "staging" / "stg_store_visits.sql").write_text(STG_VISITS, encoding="utf-8")
    add_column(deployment, "customers", "country")
    add_column(deployment, "transactions", "order", "INTEGER")  # a word of SQL's own
    add_column(deployment, "transactions", "margin_rate", "DECIMAL(5,2)")  # a name that a model uses within
    lines = [row | {"order": n, "margin_rate": "1.25"} for n, row in enumerate(sales(DAY))]
    deployment.land("transactions", DAY, lines)
    deployment.land("customers", DAY, [{"customer_id": "c1", "country": "Österreich"}, {"customer_id": "c2"}])
    visits = [
        {
            "visit_id": "v1",
            "customer_id": "c1",
            "visited_at": f"{DAY} 10:00:00",
            "guest_name": "Eva",
            "minutes": 5,
        },
        {"visit_id": "v2", "customer_id": "c9", "visited_at": f"{DAY} 11:00:00", "minutes": 7},
        *({"visit_id": f"w{n}", "visited_at": f"{DAY} 12:00:00", "minutes": n} for n in range(200)),
        {"visit_id": "v3", "visited_at": f"{DAY} 13:00:00", "minutes": -1},
    ]
    deployment.land("store_visits", DAY, visits)
    # Tolerated as no share is named: not a single bad row.
    assert night_fails(deployment) == "store_visits"
    deployment.land("store_visits", DAY, visits[:-1])
    night(deployment, DAY)
    return deployment


def night_fails(deployment: Deployment) -> str:
    """Load with a bad row in the deployment's own dataset; gives the dataset that the error names."""
    result = mainstay(deployment.settings.home, "load", str(DAY))
    says_one_thing(result, 4, "1 of 203 rows break the contract", "minutes: … is below the minimum 0")
    return result.output.split("error: ")[1].split()[0]


def test_a_dataset_of_its_own_is_landed_loaded_validated_and_staged(shop: Deployment) -> None:
    assert shop.query("select count(*) from raw.store_visits") == [(202,)]
    files = shop.query(
        "select status, rows_in, loaded from ops.files where dataset = 'store_visits' order by rowid"
    )
    assert files[-1] == ("loaded", 202, 202)
    suites = {suite for (suite,) in shop.query("select distinct suite from ops.checks where success")}
    assert {"land.store_visits", "raw.store_visits", "staging.stg_store_visits"} <= suites
    staged = shop.query(
        "select visit_id, minutes, business_date from staging.stg_store_visits where visit_id like 'v%'"
    )
    assert sorted(staged) == [("v1", 5, DAY), ("v2", 7, DAY)]
    models = shop.query("select status from ops.models where name = 'stg_store_visits'")
    assert models == [("success",)]


def test_every_command_knows_the_dataset(shop: Deployment) -> None:
    home = shop.settings.home
    status = json.loads(mainstay(home, "status", "--json").stdout)
    assert {"dataset": "store_visits", "rows": 202}.items() <= next(
        d for d in status["datasets"] if d["dataset"] == "store_visits"
    ).items()
    rejects = json.loads(mainstay(home, "quarantine", "list", "--json").stdout)
    assert [r["dataset"] for r in rejects] == []  # those of the refused load went with the good one
    assert "store_visits" in dataset_names(shop.settings)
    Backfill(DAY, DAY, ("store_visits",)).require_files(shop.settings)
    doctor = mainstay(home, "doctor", "--json")
    assert doctor.exit_code == 0, doctor.output
    assert "10 sources" in doctor.output


def test_its_own_columns_reach_bi_with_their_types_and_meanings(shop: Deployment) -> None:
    served = database(shop)
    assert dict(
        shop.query("select customer_id, country from dim_customers where country is not null", served)
    ) == {"c1": "Österreich"}
    rows = shop.query('select "order", margin_rate from fct_transactions order by 1', served)
    assert [(n, str(rate)) for n, rate in rows] == [(n, "1.25") for n in range(12)]
    columns = shop.query(
        "select table_name, column_name, data_type, comment from duckdb_columns() "
        "where column_name in ('country', 'order') order by all",
        served,
    )
    assert columns == [
        ("dim_customers", "country", "VARCHAR", "The country."),
        ("fct_transactions", "order", "INTEGER", "The order."),
    ]
    contracts = mart_contracts(shop.settings)
    assert [c.name for c in contracts["dim_customers"].columns][-1] == "country"
    # Profit still follows from the policy's margin, not from the column that bears its name.
    [(profit, net)] = shop.query("select sum(profit_amount), sum(net_amount) from fct_transactions", served)
    assert float(profit) == pytest.approx(0.25 * float(net), abs=0.06)


def test_no_personal_column_of_its_own_dataset_leaves_raw(shop: Deployment) -> None:
    for schema in ("staging", "marts"):
        assert not shop.query(
            f"select table_name from duckdb_columns() where schema_name = '{schema}' and column_name = 'guest_name'"
        )


@pytest.mark.soak
def test_taking_a_column_away_again_takes_it_from_the_mart(shop: Deployment, tmp_path: Path) -> None:
    path = shop.contracts["customers"].path
    kept = path.read_text("utf-8")
    document = yaml.safe_load(kept)
    del document["schema"][0]["properties"][-1]["customProperties"]
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    try:
        night(shop, DAY)
        assert not shop.query("select 1 from duckdb_columns() where column_name = 'country'", database(shop))
    finally:
        path.write_text(kept, encoding="utf-8")


@pytest.mark.parametrize(
    ("dataset", "column", "said"),
    [
        ("feedback", {"name": "mood"}, "column mood: publish: columns of feedback reach no mart"),
        ("customers", {"name": "nickname", "classification": "pii"}, "personal data is never published"),
        ("customers", {"name": "last_purchase_date"}, "dim_customers has a column of that name"),
        (
            "transactions",
            {"name": "till", "customProperties": [{"property": "publish", "value": "yes"}]},
            "column till: publish: 'yes' is not true or false",
        ),
    ],
)
def test_a_column_that_cannot_be_published_is_refused(
    tmp_path: Path, dataset: str, column: dict[str, Any], said: str
) -> None:
    deployment = started(tmp_path / "shop")
    add_column(deployment, dataset, **column)
    says_one_thing(mainstay(deployment.settings.home, "load"), 2, f"{dataset}.odcs.yaml", said)


@pytest.mark.parametrize("name", ["*", "../visits", "customers__contested", "Besuche"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    home = started(tmp_path / "shop").settings.home
    (home / "data_contracts" / "sources" / "own.odcs.yaml").write_text(
        VISITS.replace("name: store_visits", f"name: '{name}'"), encoding="utf-8"
    )
    says_one_thing(mainstay(home, "load"), 2, "own.odcs.yaml", f"'{name}' is no name for a dataset")


def test_a_contract_that_no_model_stages_is_taken_for_a_slip(tmp_path: Path) -> None:
    deployment = started(tmp_path / "shop")
    home = deployment.settings.home
    (home / "data_contracts" / "sources" / "customer.odcs.yaml").write_text(
        VISITS.replace("name: store_visits", "name: customer"), encoding="utf-8"
    )
    says_one_thing(
        mainstay(home, "load"),
        2,
        "customer.odcs.yaml",
        "unknown dataset 'customer'",
        "stg_customer.sql that stages it",
    )
