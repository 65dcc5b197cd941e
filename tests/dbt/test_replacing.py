"""Tables and views are replaced in one statement each: whatever stood there before, and all of it or nothing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.cli.main import dbtRunner
from dbt_warehouse import Warehouse, let_go

from pipelines.settings import PROJECT_DIR


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        # Refused by the table while its rows are inserted, and by the query itself.
        ("cast(null as varchar)", "NOT NULL constraint failed"),
        ("cast(error('out of order') as varchar)", "out of order"),
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


OWN_PROJECT = """
name: mainstay
version: 1.0.0
config-version: 2
profile: own
models:
  +persist_docs: {relation: true, columns: true}
"""
OWN_PROFILE = """
own:
  target: file
  outputs:
    file: {type: duckdb, path: "{{ env_var('OWN_DATABASE') }}", threads: 2}
"""
CONTRACT = """
models:
  - name: answers
    description: What was found.
    config: {contract: {enforced: true}}
    columns:
      - {name: answer, data_type: integer, description: The number., constraints: [{type: not_null}]}
"""
OWN_HEADER = "create or replace temp table asked as select 21 as question;"
OWN_HOOK = "create or replace macro doubled(x) as x * 2"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Own:
    """A project of a few models that has of Mainstay's macros those of this file alone."""
    made = Own(tmp_path)
    monkeypatch.setenv("OWN_DATABASE", str(made.database))
    for name, text in (("dbt_project.yml", OWN_PROJECT), ("profiles.yml", OWN_PROFILE)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    for folder in ("models", "macros"):
        (tmp_path / folder).mkdir()
    shutil.copy(PROJECT_DIR / "dbt_project/macros/engine/replacing.sql", tmp_path / "macros")
    (tmp_path / "models" / "contract.yml").write_text(CONTRACT, encoding="utf-8")
    return made


@dataclass
class Own:
    """A project in a folder, and its database."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "own.duckdb"

    def run(self, **models: str) -> str:
        """Write the models and run them all; what dbt says of those that fail."""
        for name, sql in models.items():
            (self.folder / "models" / f"{name}.sql").write_text(sql, encoding="utf-8")
        folder = str(self.folder)
        try:
            # A description that was there before its model would not be read again.
            done = dbtRunner().invoke(
                ["run", "--project-dir", folder, "--profiles-dir", folder, "--quiet", "--no-partial-parse"]
            )
        finally:
            let_go()
        return "\n".join(r.message for r in done.result.results if r.status == "error")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.database)) as connection:
            return connection.execute(sql).fetchall()


def test_a_models_hooks_header_index_comments_and_contract_count(own: Own) -> None:
    """Twice, as a table that is there is replaced with them; its query ends in a comment."""
    model = (
        "{{ config(materialized='table', pre_hook='" + OWN_HOOK + "', sql_header='" + OWN_HEADER + "', "
        "indexes=[{'columns': ['answer'], 'unique': true}], "
        "post_hook=['insert into {{ this }} values (43)', {'sql': 'checkpoint', 'transaction': false}]) }}\n"
        "select doubled(question) as answer from asked -- the question is not known"
    )
    for _ in range(2):
        assert own.run(answers=model) == ""
        assert own.query("from answers order by 1") == [(42,), (43,)]
        assert own.query("select is_unique, expressions from duckdb_indexes()") == [(True, "[answer]")]
        assert own.query("select comment from duckdb_tables() where table_name = 'answers'") == [
            ("What was found.",)
        ]
        assert own.query(
            "select comment, is_nullable from duckdb_columns() where table_name = 'answers'"
        ) == [("The number.", False)]


@pytest.mark.parametrize("kind", ["table", "view"])
def test_a_query_may_end_in_a_comment_and_a_contract_is_held(own: Own, kind: str) -> None:
    config = f"{{{{ config(materialized='{kind}') }}}}"
    assert own.run(plain=f"{config} select 1 as one -- and no more") == ""
    assert own.query("from plain") == [(1,)]
    assert own.run(answers=f"{config} select 42 as answer -- and no more") == ""
    assert "data type mismatch" in own.run(answers=f"{config} select '42' as answer")
    assert own.query("from answers") == [(42,)]


@pytest.mark.parametrize("left", ["table", "view"])
def test_a_view_and_a_table_give_way_to_each_other_and_what_a_killed_run_left_goes(
    own: Own, left: str
) -> None:
    own.run(flips="{{ config(materialized='view') }} select 1 as one")
    with duckdb.connect(str(own.database)) as connection:
        connection.execute(f"create {left} flips__dbt_backup as select 0 as one")
    seen = "{{ adapter.get_relation(this.database, this.schema, 'flips').type }}"
    said = own.run(
        flips="{{ config(materialized='table') }} select 2 as one",
        follows="{{ config(materialized='table') }} select '" + seen + "' as kind from {{ ref('flips') }}",
    )
    assert said == ""
    assert own.query("from follows") == [("table",)]
    made = "select table_name from information_schema.tables order by 1"
    assert own.query(made) == [("flips",), ("follows",)]

    assert own.run(flips="{{ config(materialized='view') }} select 3 as one") == ""
    assert own.query("from follows") == [("view",)]
    assert own.query("from flips") == [(3,)]
    assert own.query("select view_name from duckdb_views() where not internal") == [("flips",)]
    assert own.query("select table_name from duckdb_tables()") == [("follows",)]


@pytest.mark.parametrize("itself", ["{{ this }}", "main.ANSWERS", "{{ this.include(database=false) }}"])
def test_a_table_with_a_contract_may_read_itself(own: Own, itself: str) -> None:
    """Of what it was before: it is empty when its new rows are inserted."""
    config = "{{ config(materialized='table') }}"
    assert own.run(answers=f"{config} select 42 as answer") == ""
    for answer in (43, 44):
        assert own.run(answers=f"{config} select answer + 1 as answer from {itself} -- what it was") == ""
        assert own.query("from answers") == [(answer,)]
    assert own.query("select table_name from duckdb_tables()") == [("answers",)]


def test_an_index_is_a_tables_alone(own: Own) -> None:
    """As a folder's configuration may ask for one on all of its models, whatever they are."""
    indexed = "indexes=[{'columns': ['one']}]) }} select 1 as one"
    assert own.run(looked_at="{{ config(materialized='view', " + indexed) == ""
    assert own.run(kept="{{ config(materialized='table', " + indexed) == ""
    assert own.query("select table_name from duckdb_indexes()") == [("kept",)]


def test_dbt_takes_these_materializations_and_no_others(warehouse: Warehouse) -> None:
    """They would be left out in silence: dbt-duckdb's make the same, only slower."""
    manifest = warehouse.dbt("parse", as_of_date="2017-03-31").result
    for kind, package in (("table", "mainstay"), ("view", "mainstay"), ("incremental", "dbt_duckdb")):
        found = manifest.find_materialization_macro_by_name("mainstay", kind, "duckdb")
        assert found.package_name == package
