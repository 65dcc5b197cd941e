"""A deployment with a small transactions contract, files written byte by byte, and the real loader."""

from __future__ import annotations

import copy
import itertools
import json
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipelines.contracts import SourceContract, source_contracts
from pipelines.load import load_datasets
from pipelines.load.state import DatasetLoad
from pipelines.settings import PROJECT_DIR, Settings
from pipelines.warehouse.connection import connect

DAY = "2017-03-01"
HEADER = (
    "transaction_id,line_number,customer_id,transaction_at,net_amount,quantity,score,is_gift,sold_on,note"
)
GOOD = "t{0},1,c1,2017-03-01 10:00:00,9.99,2,0.5,true,2017-03-01,hello"
_RUNS = itertools.count()

_EXTRA = {
    "score": "DOUBLE",
    "is_gift": "BOOLEAN",
    "sold_on": "DATE",
    "note": "VARCHAR",
}
_KEPT = ("transaction_id", "line_number", "customer_id", "transaction_at", "net_amount", "quantity")


def document() -> dict[str, Any]:
    """The shipped transactions contract with few columns and one of each further type."""
    return copy.deepcopy(_document())


@cache
def _document() -> dict[str, Any]:
    shipped: dict[str, Any] = yaml.safe_load(
        (PROJECT_DIR / "data_contracts/sources/transactions.odcs.yaml").read_text("utf-8")
    )
    table = shipped["schema"][0]
    table["properties"] = [p for p in table["properties"] if p["name"] in _KEPT]
    logical = {"DOUBLE": "number", "BOOLEAN": "boolean", "DATE": "date", "VARCHAR": "string"}
    table["properties"] += [
        {"name": name, "logicalType": logical[type_], "physicalType": type_} for name, type_ in _EXTRA.items()
    ]
    return shipped


@dataclass
class World:
    """One deployment in `home`; `contract` is its transactions contract as YAML data."""

    home: Path
    timezone: str = "UTC"
    contract: dict[str, Any] = field(default_factory=document)
    currency: str = "CNY"

    def __post_init__(self) -> None:
        self.settings = Settings(
            home=self.home, timezone=self.timezone, currency=self.currency, duckdb_threads=2
        )
        self.write()

    @property
    def contract_path(self) -> Path:
        return self.home / "data_contracts" / "sources" / "transactions.odcs.yaml"

    def write(self) -> None:
        """Write the contract as it is now."""
        self.contract_path.parent.mkdir(parents=True, exist_ok=True)
        # JSON is YAML, and is written a hundred times as quickly.
        self.contract_path.write_text(
            json.dumps(self.contract, ensure_ascii=False, indent=1), encoding="utf-8"
        )

    def server(self, **settings: Any) -> World:
        """Set location, format and encoding by name, and custom settings such as delimiter."""
        server = self.contract["servers"][0]
        for name, value in settings.items():
            if name in ("path", "format", "encoding"):
                server[name] = value
            else:
                custom = [c for c in server["customProperties"] if c["property"] != name]
                server["customProperties"] = [*custom, {"property": name, "value": value}]
        self.write()
        return self

    def setting(self, **settings: Any) -> World:
        """Set contract-level settings such as toleratedRejectRate; None takes one away."""
        custom = [c for c in self.contract["customProperties"] if c["property"] not in settings]
        custom += [{"property": k, "value": v} for k, v in settings.items() if v is not None]
        self.contract["customProperties"] = custom
        self.write()
        return self

    def column(self, name: str, **changes: Any) -> World:
        """Change a column, or add it."""
        columns = self.contract["schema"][0]["properties"]
        column = next((c for c in columns if c["name"] == name), None)
        if column is None:
            columns.append(column := {"name": name, "logicalType": "string", "physicalType": "VARCHAR"})
        column.update(changes)
        self.write()
        return self

    def rule(self, name: str, condition: str) -> World:
        """Add a row rule."""
        self.contract["schema"][0]["quality"].append(
            {
                "name": name,
                "description": name,
                "type": "custom",
                "engine": "mainstay",
                "implementation": condition,
            }
        )
        self.write()
        return self

    @property
    def parsed(self) -> SourceContract:
        return source_contracts(self.settings)["transactions"]

    def land(self, content: bytes | str, day: str = DAY, name: str = "sales.csv") -> Path:
        path = self.settings.landing / "transactions" / day / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def rows(self, *rows: str, day: str = DAY, name: str = "sales.csv", header: str = HEADER) -> Path:
        """Land CSV lines below the header."""
        return self.land("".join(f"{line}\n" for line in (header, *rows)), day, name)

    def good(self, *ids: object, day: str = DAY, name: str = "sales.csv") -> Path:
        return self.rows(*(GOOD.format(i).replace(DAY, day) for i in ids), day=day, name=name)

    def load(self) -> DatasetLoad:
        """Load all that is landed; the transactions' result."""
        return next(
            r
            for r in load_datasets(self.settings, f"run-{next(_RUNS)}", None, None)
            if r.dataset == "transactions"
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(connect(self.settings, read_only=True)) as connection:
            return connection.execute(sql).fetchall()

    def raw(self, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
        return self.query(
            f"SELECT {columns} FROM raw.transactions WHERE {where} ORDER BY transaction_id, line_number"
        )

    def ids(self) -> list[str]:
        return [row[0] for row in self.raw("transaction_id")]

    def reasons(self) -> dict[int, list[str]]:
        """Reasons of the quarantined rows by line number."""
        return dict(
            self.query("SELECT line_number, reasons FROM quarantine.transactions ORDER BY line_number")
        )


def counts(result: DatasetLoad) -> tuple[int, int, int, int]:
    """Rows in, loaded, quarantined and duplicates; their identity is asserted on the way."""
    assert result.rows_in == result.loaded + result.quarantined + result.duplicates
    return result.rows_in, result.loaded, result.quarantined, result.duplicates
