"""A small warehouse for tests: raw tables as the loader leaves them, dbt run in-process on top of them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import reset_adapters
from dbt.cli.main import dbtRunner
from deployments import share_parsed

from pipelines.contracts import SourceContract, canonical_contracts
from pipelines.fit.tables import create_tables
from pipelines.quoting import ident
from pipelines.settings import PROJECT_DIR, Settings
from pipelines.transform.parsed import keep_parsed, parse_key, read_parsed
from pipelines.warehouse.ledger import DDL

DBT_PROJECT = PROJECT_DIR / "dbt_project"

# What a test need not say: each required column of a dataset gets a value that no rule looks at.
DEFAULTS: dict[str, dict[str, Any]] = {
    "transactions": {"line_number": 1, "net_amount": "10.00"},
    "products": {"category": "food"},
    "interactions": {"direction": "outbound", "kind": "mailing"},
    "feedback": {"kind": "nps"},
    "wallet_surveys": {"category": "all", "brand": "own", "is_own_brand": True},
}

PARSED = (
    "amount_scale",
    "average_scale",
    "grace_months",
    "min_group_answers",
    "soft_landing",
    "published_columns",
)
"""The variables that a configuration reads, so that dbt looks at them while it parses; see `test_dbt_files`."""


@dataclass
class Warehouse:
    """One test's warehouse and the run's policies and variables."""

    path: Path
    target: Path
    policies: Path
    contracts: dict[str, SourceContract]
    variables: dict[str, Any] = field(default_factory=dict)
    inserted: int = 0

    def create(self) -> None:
        """Create the six raw tables and their lists of contested keys, all empty."""
        with duckdb.connect(str(self.path)) as connection:
            create_tables(connection)
            connection.execute(DDL)
            connection.execute("create schema raw")
            for name, contract in self.contracts.items():
                columns = [f"{ident(c.name)} {c.type}" for c in contract.columns]
                columns += ["business_date DATE", "partition_date DATE", "file_id VARCHAR"]
                connection.execute(f"create table raw.{ident(name)} ({', '.join(columns)})")
                keys = ", ".join(map(ident, contract.key))
                contested = ident(name + "__contested")
                connection.execute(f"create table raw.{contested} as select {keys} from raw.{ident(name)}")

    def insert(self, dataset: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows to raw.<dataset>; `business_date` is needed, everything else has a default.

        The time of day is noon, the partition is the business date, a missing key is numbered. Keys that
        stand in more than one partition afterwards are written to raw.<dataset>__contested.
        """
        contract = self.contracts[dataset]
        by_columns: dict[tuple[str, ...], list[list[Any]]] = {}
        for row in rows:
            self.inserted += 1
            full: dict[str, Any] = {
                **DEFAULTS.get(dataset, {}),
                "partition_date": row["business_date"],
                "file_id": "test",
            }
            if contract.business_time:
                full[contract.business_time] = f"{row['business_date']} 12:00:00"
            full[contract.key[0]] = f"{dataset}-{self.inserted}"
            full |= row
            by_columns.setdefault(tuple(full), []).append(list(full.values()))
        with duckdb.connect(str(self.path)) as connection:
            for names, values in by_columns.items():
                for some in _in_batches(values):
                    marks = ", ".join(f"({', '.join('?' for _ in names)})" for _ in some)
                    connection.execute(
                        f"insert into raw.{ident(dataset)} ({', '.join(map(ident, names))}) values {marks}",
                        [value for row in some for value in row],
                    )
            keys = ", ".join(map(ident, contract.key))
            connection.execute(
                f"create or replace table raw.{ident(dataset + '__contested')} as "
                f"select {keys} from raw.{ident(dataset)} "
                f"group by {keys} having count(distinct partition_date) > 1"
            )

    def purchase(self, customer_id: str, *purchases: tuple[str, str | float]) -> None:
        """Add one transaction line per (business date, net amount)."""
        self.insert(
            "transactions",
            [
                {"customer_id": customer_id, "business_date": day, "net_amount": str(net)}
                for day, net in purchases
            ],
        )

    def policy(self, name: str, text: str) -> None:
        """Replace a policy file."""
        (self.policies / f"{name}.csv").write_text(text, encoding="utf-8")

    def dbt(self, *arguments: str, as_of_date: str, **variables: Any) -> Any:
        """Run dbt in-process; returns dbt's result whether or not it succeeded."""
        given = {**self.variables, **variables}
        options = [
            "--project-dir",
            str(DBT_PROJECT),
            "--profiles-dir",
            str(DBT_PROJECT),
            "--target-path",
            str(self.target),
            "--log-path",
            str(self.target / "logs"),
            "--log-level-file",
            "none",
            "--no-write-json",
            "--quiet",
            "--no-send-anonymous-usage-stats",
            "--vars",
            json.dumps({**given, "as_of_date": as_of_date}),
        ]
        before = {name: os.environ.get(name) for name in ("MAINSTAY_WAREHOUSE", "MAINSTAY_SEEDS_PATH")}
        os.environ["MAINSTAY_WAREHOUSE"] = str(self.path)
        os.environ["MAINSTAY_SEEDS_PATH"] = os.path.relpath(self.policies, DBT_PROJECT)
        try:
            manifest = (
                self._parsed(given, options) if arguments[0] in ("build", "run", "test", "parse") else None
            )
            return dbtRunner(manifest=manifest).invoke([*arguments, *options])
        finally:
            let_go()
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def _parsed(self, variables: dict[str, Any], options: list[str]) -> Any:
        """What dbt makes of the project: parsed once for all warehouses and tiers held or not, as it is half of a small build.

        Of the other variables dbt looks at the ones of the run as it compiles a model, and where the policies lie is
        all else that differs between warehouses. None if the project cannot be parsed; the command then says why.
        """
        looked_at = json.dumps(
            {name: variables[name] for name in PARSED if name in variables}, sort_keys=True
        )
        settings = Settings(home=self.path.parent)
        key = parse_key(settings, f"tests of dbt {looked_at}")
        manifest = read_parsed(settings, key)
        if manifest is None:
            manifest = dbtRunner().invoke(["parse", *options]).result
            reset_adapters()
            if manifest is not None:
                keep_parsed(settings, key, manifest)
        for node in manifest.nodes.values() if manifest else ():
            if node.resource_type == "seed":
                node.root_path = str(self.policies)
                node.original_file_path = Path(node.original_file_path).name
        return manifest

    def build(self, *select: str, as_of_date: str, with_tests: bool = True, **variables: Any) -> None:
        """Build the selected models (default all) with their data tests, and fail with dbt's own messages."""
        arguments = ["build", "--exclude-resource-type", "unit_test"]
        if not with_tests:
            arguments += ["--exclude-resource-type", "test"]
        if select:
            arguments += ["--indirect-selection", "buildable", "--select", *select]
        result = self.dbt(*arguments, as_of_date=as_of_date, **variables)
        if not result.success:
            failed = [
                f"{r.node.name}: {r.status}: {r.message}"
                for r in getattr(result.result, "results", None) or []
                if r.status in ("error", "fail")
            ]
            pytest.fail("\n".join(failed) or str(result.exception))

    def execute(self, sql: str) -> None:
        """Change what is there."""
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(sql)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query, as tuples."""
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def records(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query, as dicts by column name."""
        with duckdb.connect(str(self.path), read_only=True) as connection:
            result = connection.execute(sql)
            names = [column[0] for column in result.description or []]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def let_go() -> None:
    """After a command: dbt keeps the file open until both have let go of it."""
    reset_adapters()
    DuckDBConnectionManager.close_all_connections()


def _in_batches(rows: list[list[Any]], size: int = 100) -> Iterator[list[list[Any]]]:
    for first in range(0, len(rows), size):
        yield rows[first : first + size]


def make(folder: Path) -> Warehouse:
    """An empty warehouse in the folder, with the shipped policies."""
    policies = folder / "policies"
    shutil.copytree(DBT_PROJECT / "seeds", policies, ignore=shutil.ignore_patterns("*.yml"))
    warehouse = Warehouse(folder / "warehouse.duckdb", folder / "target", policies, canonical_contracts())
    share_parsed(Settings(home=folder))
    warehouse.create()
    return warehouse
