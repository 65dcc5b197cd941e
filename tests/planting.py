"""People whose every personal value can be told from all others: where one of them is found, it has leaked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from deployments import Deployment
from scanning import ROWS, scan

from pipelines.contracts import SourceContract


@dataclass
class Planted:
    """Makes rows up for the personal columns of the contracts, and remembers what they hold."""

    contracts: Mapping[str, SourceContract]
    markers: dict[str, list[str]] = field(default_factory=dict)
    """By the one whom they are of."""

    def person(self, dataset: str, who: str) -> dict[str, str]:
        """A marker for each column of the dataset that its contract calls personal; `who` has lower case letters alone."""
        columns = [c for c in self.contracts[dataset].source_columns if c.is_personal]
        assert columns, f"no column of {dataset} is personal"
        return {c.source_name: self._value(c.name, c.type, who) for c in columns}

    def _value(self, column: str, type_: str, who: str) -> str:
        if type_ == "DATE":
            count = sum(len(markers) for markers in self.markers.values())
            marker = (date(1901, 1, 1) + timedelta(days=count)).isoformat()
        else:
            assert type_ == "VARCHAR", f"{column}: plant a {type_} that can be told from others"
            marker = f"zq{who}{column.replace('_', '')}"
        self.markers.setdefault(who, []).append(marker)
        return f"{marker}@zq.example" if column == "email" else marker

    def all(self) -> list[str]:
        """Every marker."""
        return [marker for markers in self.markers.values() for marker in markers]


def tolerate_rejects(deployment: Deployment, *datasets: str) -> None:
    """Let half of a small file's rows be quarantined."""
    for dataset in datasets:
        contract = deployment.settings.contracts / "sources" / f"{dataset}.odcs.yaml"
        text = contract.read_text("utf-8")
        assert "toleratedRejectRate, value: 0.01" in text
        contract.write_text(
            text.replace("toleratedRejectRate, value: 0.01", "toleratedRejectRate, value: 0.5"), "utf-8"
        )


def leaked(deployment: Deployment, planted: Planted, *more: str) -> list[str]:
    """Where below `var/` a planted value stands, or one more, but in landing files and in the tables that hold rows."""
    settings = deployment.settings
    looked = scan(settings.var, [*planted.all(), *more], without=[settings.landing], schemas=ROWS)
    assert looked.files > 20
    assert looked.tables > 20
    return looked.found
