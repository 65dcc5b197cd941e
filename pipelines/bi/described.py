"""What the dashboards show, as it is described in `deploy/superset/described`: datasets, words, charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from pipelines.errors import ContractError
from pipelines.settings import PROJECT_DIR

SUPERSET = PROJECT_DIR / "deploy" / "superset"
DESCRIBED = SUPERSET / "described"

FORMATS = {
    "count": ",d",
    # Of counts that are often 0: on an axis that ends at 1 `,d` would write 0 0 1 1.
    "few": ",~f",
    "whole": ",.0f",
    "money": ",.0f",
    "rate": ".1%",
    "small_rate": ".2%",
    "decimal": ",.1f",
}
"""How each kind of figure is written, by d3's formats."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dataset(_Strict):
    """What charts read: a mart, or a query over marts, and its metrics."""

    title: str
    mart: str = ""
    """The published table; by default the one of the dataset's own name."""
    sql: str | None = None
    latest: Literal["complete", "last"] | None = None
    tiers: dict[str, str] = {}
    words: dict[str, tuple[str, str]] = {}
    metrics: dict[
        str, tuple[str, str, Literal["count", "few", "whole", "money", "rate", "small_rate", "decimal"]]
    ] = {}
    """By name: title, SQL, format."""


class Chart(_Strict):
    """One chart of a dashboard."""

    title: str
    kind: Literal["trend", "number", "line", "bar", "heatmap", "table", "rows"]
    width: int
    """Columns of the twelve that a dashboard is wide."""
    data: str
    x: str | None = None
    series: str | None = None
    metric: str = ""
    """Of a trend, number or heat map: the one figure shown."""
    metrics: list[str] = []
    by: list[str] = []
    """Of a table: what its figures are grouped by."""
    columns: list[str] = []
    """Of rows: the columns shown, as they are."""
    where: list[str] = []
    """Conditions that a row must meet."""
    sort: str | None = None
    order: tuple[str, Literal["asc", "desc"]] | None = None
    limit: int | None = None
    stack: bool = False
    share: bool = False
    """Of stacked bars: each bar is the whole."""
    across: bool = False
    """Of bars: they lie, the longest on top."""
    grain: str | None = None
    up_to: float | None = None
    """Where the axis of the figures ends, as that of shares at 1."""
    height: int | None = None
    """In Superset's units of 8 pixels, where the kind's own does not do."""

    @model_validator(mode="after")
    def _has_what_its_kind_shows(self) -> Self:
        lacking = [name for name in _NEEDED[self.kind] if not getattr(self, name)]
        if lacking:
            raise ValueError(f"a {self.kind} needs {', '.join(lacking)}")
        return self


_NEEDED = {
    "trend": ("metric",),
    "number": ("metric",),
    "line": ("x", "metrics"),
    "bar": ("x", "metrics"),
    "heatmap": ("x", "series", "metric"),
    "table": ("by", "metrics"),
    "rows": ("columns",),
}


class Dashboard(_Strict):
    """One page of charts, in their order."""

    title: str
    slug: str
    read: str
    charts: dict[str, Chart]

    @field_validator("read")
    @classmethod
    def _one_line(cls, value: str) -> str:
        return " ".join(value.split())


class Description(_Strict):
    """All of it, by name."""

    datasets: dict[str, Dataset]
    columns: dict[str, str]
    """What the columns that charts show are called."""
    words: dict[str, dict[str, str]]
    dashboards: dict[str, Dashboard]


def read(folder: Path = DESCRIBED) -> Description:
    """Read the description.

    Raises:
        ContractError: a file says what is not known, or names a dataset that there is not.
    """
    words = _yaml(folder / "words.yaml")
    try:
        described = Description(
            datasets=_yaml(folder / "datasets.yaml"),
            columns=words.pop("columns", {}),
            words=words,
            dashboards={path.stem: _yaml(path) for path in sorted((folder / "dashboards").glob("*.yaml"))},
        )
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise ContractError(f"{folder} describes no dashboards:\n  " + "\n  ".join(lines)) from error
    for page, dashboard in described.dashboards.items():
        for name, chart in dashboard.charts.items():
            if chart.data not in described.datasets:
                raise ContractError(
                    f"{folder / 'dashboards' / page}.yaml: {name} reads {chart.data!r}, which is no dataset"
                )
    return described


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ContractError(f"{path} cannot be read: {error}") from error
