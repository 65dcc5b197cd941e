"""What BI is served, beside the marts of a clean deployment that loads the same landing files once."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import duckdb

from pipelines import steps
from pipelines.contracts import mart_contracts
from pipelines.quoting import ident
from pipelines.settings import Settings
from pipelines.warehouse import ledger
from tests.soak.purity.judge import Tables, differences


def served_as_of(settings: Settings) -> date:
    """The one date that all served tables are as of."""
    with duckdb.connect(str(settings.serving / "marts.duckdb"), read_only=True) as serving:
        found = serving.execute("select distinct as_of_date from _publish").fetchall()
    assert len(found) == 1, found
    as_of: date = found[0][0]
    return as_of


def served_tables(settings: Settings) -> Tables:
    """Columns and rows of each served table."""
    return _tables(settings.serving / "marts.duckdb", "main")


def tables_from_scratch(settings: Settings, home: Path, as_of: date) -> Tables:
    """The marts that a new deployment in `home` makes of a copy of the landing files as they are now."""
    clean = Settings(home=home, duckdb_threads=2)
    shutil.copytree(settings.landing, clean.landing)
    run_id = ledger.new_run_id("build", as_of)
    steps.start(clean, run_id, "build", as_of)
    steps.load(clean, run_id, None, None)
    steps.build(clean, run_id, as_of)
    steps.fit(clean, run_id, as_of)
    return _tables(clean.warehouse, "marts")


def assert_served(settings: Settings, expected: Tables) -> None:
    """BI is served just these rows."""
    different = differences(expected, served_tables(settings))
    assert not different, "BI is served other marts than one load of the same files gives:\n" + "\n".join(
        str(d) for d in different
    )


def _tables(path: Path, schema: str) -> Tables:
    found: Tables = {}
    with duckdb.connect(str(path), read_only=True) as connection:
        for name, contract in mart_contracts().items():
            columns = tuple(c.name for c in contract.columns)
            names = ", ".join(ident(c) for c in columns)
            found[name] = (
                columns,
                connection.execute(f"select {names} from {schema}.{ident(name)}").fetchall(),
            )
    assert any(rows for _, rows in found.values())
    return found
