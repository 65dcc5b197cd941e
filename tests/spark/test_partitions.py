"""Where single partitions are made anew, they lie elsewhere: the table as it was stays whole until the commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.settings import Settings
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect, transaction
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.spark.building import building
from pipelines.warehouse.spark.lake import Lake
from pipelines.warehouse.spark.session import spark_session

pytestmark = pytest.mark.usefixtures("session")

TABLE = ("marts", "sales")
FIRST = (
    "SELECT 1.50BD AS amount, DATE '2024-01-01' AS day UNION ALL SELECT 2.50BD, DATE '2024-01-02' "
    "UNION ALL SELECT 3.50BD, DATE '2024-01-03'"
)


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(home=tmp_path, engine="spark", spark_master="local[1]")
    with closing(connect(settings)) as opened:
        opened.execute(ledger.DDL)
    yield settings
    spark_session(settings).sql("DROP DATABASE IF EXISTS marts CASCADE")


def build(settings: Settings, select: str, columns: list[str]) -> None:
    """Make the table anew, partitioned by its days, as a build does."""
    with building(settings, []) as made:
        place = f"{made.environment['MAINSTAY_LAKE']}/marts/sales/{made.environment['MAINSTAY_LAKE_VERSION']}"
        spark_session(settings).sql(
            f"CREATE TABLE marts.sales USING parquet PARTITIONED BY (day) LOCATION '{place}' AS {select}"
        )
        made.keep({TABLE: columns})


def shown(settings: Settings) -> list[tuple[str, str]]:
    with closing(connect(settings)) as connection:
        return connection.execute(
            "SELECT day::VARCHAR, amount::VARCHAR FROM marts.sales ORDER BY ALL"
        ).fetchall()


def folders(settings: Settings) -> list[str]:
    return [path.rpartition("/")[2] for path in Lake.of(settings).below("marts/sales", 2)]


def test_stale_partitions_are_made_anew_elsewhere(deployment: Settings) -> None:
    session = spark_session(deployment)
    build(deployment, FIRST, ["day", "amount"])
    before = shown(deployment)
    assert before == [("2024-01-01", "1.50"), ("2024-01-02", "2.50"), ("2024-01-03", "3.50")]

    def make_anew() -> None:
        session.sql(
            "ALTER TABLE marts.sales DROP PARTITION (day = '2024-01-01'), PARTITION (day = '2024-01-02')"
        )
        session.sql("INSERT INTO marts.sales SELECT 9.50BD, DATE '2024-01-02'")

    with building(deployment, []) as made:
        make_anew()  # and is killed before it is kept
        assert shown(deployment) == before

    with building(deployment, []) as made:
        make_anew()
        assert shown(deployment) == before
        made.keep({TABLE: ["day", "amount"]})
    assert shown(deployment) == [("2024-01-02", "9.50"), ("2024-01-03", "3.50")]
    assert sorted(folders(deployment)) == ["day=2024-01-02", "day=2024-01-03"]

    with building(deployment, []):
        assert session.table("marts.sales").count() == 2


def test_a_table_without_rows_is_there_for_the_next_command(deployment: Settings) -> None:
    session = spark_session(deployment)
    with building(deployment, []) as made:
        place = (
            f"{made.environment['MAINSTAY_LAKE']}/marts/nothing/{made.environment['MAINSTAY_LAKE_VERSION']}"
        )
        session.sql(f"CREATE TABLE marts.nothing (day DATE) USING parquet LOCATION '{place}'")
        made.keep({("marts", "nothing"): ["day"]})
    with building(deployment, []):
        assert session.table("marts.nothing").count() == 0


def test_a_partitioned_table_without_rows_is_there_too_and_may_have_some_again(deployment: Settings) -> None:
    """As the months of anonymous customers are where every sale has a customer."""
    session = spark_session(deployment)
    build(deployment, f"SELECT * FROM ({FIRST}) WHERE false", ["day", "amount"])
    for change, rows in (
        ("SELECT 1", []),
        ("INSERT INTO marts.sales SELECT 9.50BD, DATE '2024-01-02'", [("2024-01-02", "9.50")]),
        ("ALTER TABLE marts.sales DROP PARTITION (day = '2024-01-02')", []),
        ("INSERT INTO marts.sales SELECT 8.50BD, DATE '2024-01-02'", [("2024-01-02", "8.50")]),
    ):
        with building(deployment, []) as made:
            session.sql(change)
            assert session.table("marts.sales").count() == len(rows)
            made.keep({TABLE: ["day", "amount"]})
        assert shown(deployment) == rows
    with building(deployment, []):
        assert session.table("marts.sales").count() == 1


def test_a_change_is_seen_whatever_the_columns_names_and_may_leave_nothing(deployment: Settings) -> None:
    session = spark_session(deployment)
    build(deployment, f"SELECT 1 AS r, amount, day FROM ({FIRST})", ["r", "day", "amount"])
    for change, left in (
        ("UPDATE {} SET amount = 9 WHERE amount > 3", ["1.50", "2.50", "9.00"]),
        ("DELETE FROM {} WHERE amount < 2", ["2.50", "9.00"]),
        ("DELETE FROM {}", []),
    ):
        with (
            closing(connect(deployment)) as connection,
            transaction(connection),
            engine_of(deployment).changing(connection, deployment, TABLE) as name,
        ):
            connection.execute(change.format(name))
        assert sorted(amount for _, amount in shown(deployment)) == left
    with building(deployment, []):
        assert session.table("marts.sales").columns == ["r", "amount", "day"]
        assert session.table("marts.sales").count() == 0
