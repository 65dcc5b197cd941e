"""Tables and views are replaced in one statement each: whatever stood there before, and all of it or nothing."""

from __future__ import annotations

import pytest
from dbt_warehouse import Warehouse

from pipelines.settings import PROJECT_DIR

TIERS = "int_customer_held_tiers"


def relations(warehouse: Warehouse, schema: str) -> dict[str, str]:
    """The kind of each relation of a schema, by its name."""
    return dict(
        warehouse.query(
            f"select table_name, table_type from information_schema.tables where table_schema = '{schema}'"
        )
    )


def test_a_view_gives_way_to_a_table_and_a_table_to_a_view(warehouse: Warehouse) -> None:
    """Which of both it is hangs on a setting: held tiers are worked out month by month, others are looked up."""
    warehouse.purchase("a", ("2017-01-15", 4000), ("2017-02-15", 10))
    for held, kind in ((False, "VIEW"), (True, "BASE TABLE"), (True, "BASE TABLE"), (False, "VIEW")):
        holding = {"grace_months": 1, "soft_landing": True} if held else {}
        warehouse.build(f"+{TIERS}", as_of_date="2017-03-31", with_tests=False, **holding)
        made = relations(warehouse, "intermediate")
        assert made[TIERS] == kind
        # Nothing is left that was only on the way.
        models = {
            path.stem for path in PROJECT_DIR.joinpath("dbt_project/models/intermediate").rglob("*.sql")
        }
        assert set(made) <= models
        assert warehouse.query(f"select count(*) > 0 from intermediate.{TIERS}") == [(True,)]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (
            "cast(null as varchar)",
            "NOT NULL constraint failed",
        ),  # refused by the table while its rows are inserted
        ("cast(error('out of order') as varchar)", "out of order"),  # by the query itself
    ],
)
def test_a_table_that_cannot_be_filled_stays_as_it_was(warehouse: Warehouse, bad: str, said: str) -> None:
    """A model's new table and its rows are one transaction: a failure gives back the old rows, and the next run mends it."""
    warehouse.insert("feedback", [{"business_date": "2017-03-01", "customer_id": "a", "score": 9}])
    warehouse.build("+fct_feedback", as_of_date="2017-03-31", with_tests=False)
    [(feedback_id, *_)] = before = warehouse.query("select * from marts.fct_feedback")

    warehouse.execute(
        "alter table raw.feedback rename to kept; "
        f"create view raw.feedback as select * replace ({bad} as feedback_id) from raw.kept"
    )
    result = warehouse.dbt("run", "--select", "fct_feedback", as_of_date="2017-03-31")
    assert [said in node.message for node in result.result.results] == [True]
    assert warehouse.query("select * from marts.fct_feedback") == before

    warehouse.execute("drop view raw.feedback; alter table raw.kept rename to feedback")
    warehouse.build("fct_feedback", as_of_date="2017-03-31", with_tests=False)
    assert warehouse.query("select feedback_id from marts.fct_feedback") == [(feedback_id,)]
