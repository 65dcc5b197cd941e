"""The deployment that is measured: the shipped contracts and policies, but that points are given."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipelines.settings import PROJECT_DIR

POINTS = {
    "points_rates": ("all,1", "Fresh,1.5"),
    "points_multipliers": ("diamond,1.5", "gold,1.25"),
    "points_expectations": ("0.01,0.9",),
}
"""The rows of the policies of points, by their file; the shipped ones are empty."""


def lay_out(home: Path, kind: str) -> None:
    """Contracts and policies of a new deployment, transactions as Parquet where `kind` says so."""
    target = home / "data_contracts" / "sources"
    shutil.copytree(PROJECT_DIR / "data_contracts" / "sources", target)
    if kind == "parquet":
        contract = target / "transactions.odcs.yaml"
        text = contract.read_text(encoding="utf-8")
        for old, new in (("{date}/*.csv*", "{date}/*.parquet"), ("format: csv", "format: parquet")):
            if text.count(old) != 1:
                raise SystemExit(
                    f"{contract}: expected {old!r} once; mend bench/deployment.py to the contract's new text"
                )
            text = text.replace(old, new)
        contract.write_text(text, encoding="utf-8")
    policies(home)


def policies(home: Path) -> None:
    """The shipped policies, but that points are given: a point a unit of currency, more to the best tiers."""
    target = home / "policies"
    shutil.copytree(PROJECT_DIR / "dbt_project" / "seeds", target)
    for name, rows in POINTS.items():
        with (target / f"{name}.csv").open("a", encoding="utf-8") as policy:
            policy.writelines(f"2020-01-01,{row}\n" for row in rows)
