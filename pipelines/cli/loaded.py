"""What a load did, for a person."""

from __future__ import annotations

from typing import Any

from pipelines.cli.tables import Listing

_RARE = ("rejected", "ignored", "erased", "reused")
_CALLED = {"unchanged": "unchanged dates", "reused": "reused keys", "rows_in": "rows in"}


def load_table(summary: dict[str, Any]) -> Listing:
    """Rows in, and what became of them, per dataset; rejected, ignored and reused only where there are some."""
    rare = [name for name in _RARE if any(row[name] for row in summary["datasets"])]
    keys = ["dates", "files", "rows_in", "loaded", "quarantined", "duplicates", *rare, "unchanged"]
    names = [_CALLED.get(key, key) for key in keys]
    table = Listing("Loaded", ["dataset", *names], set(names))
    for row in summary["datasets"]:
        if row["files"] or row["unchanged"] or row["removed"]:
            table.add(row["dataset"], *(f"{row[key]:,}" for key in keys))
    return table
