"""Where a dashboard's charts lie: rows of twelve columns under a line that says how to read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.bi.described import Chart, Dashboard

COLUMNS = 12
HEIGHTS = {"trend": 26, "number": 26}
"""Heights of a chart, in Superset's units of 8 pixels."""
CHART_HEIGHT = 46
_TEXT_HEIGHT = 13


def rows(dashboard: Dashboard) -> list[list[str]]:
    """The names of the charts row by row: as many as fit, in their order."""
    found: list[list[str]] = []
    free = 0
    for name, chart in dashboard.charts.items():
        if chart.width > free:
            found.append([])
            free = COLUMNS
        found[-1].append(name)
        free -= chart.width
    return found


def position(dashboard: Dashboard, uuids: dict[str, str]) -> dict[str, Any]:
    """The layout in Superset's form: a tree of named places.

    Args:
        dashboard: What to lay out.
        uuids: The identity of each of its charts.
    """
    numbers = {name: number for number, name in enumerate(dashboard.charts, start=1)}
    grid: list[tuple[str, list[str]]] = [("TEXT", [])] + [
        (f"ROW-{n}", names) for n, names in enumerate(rows(dashboard), start=1)
    ]
    places: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {
            "type": "GRID",
            "id": "GRID_ID",
            "children": [name for name, _ in grid],
            "parents": ["ROOT_ID"],
        },
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": dashboard.title}},
    }
    for row, names in grid:
        children = [f"CHART-{name}" for name in names] or ["MARKDOWN-read"]
        places[row] = {
            "type": "ROW",
            "id": row,
            "children": children,
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for name in names:
            chart = _chart(name, dashboard.charts[name], row)
            # The number is only this dashboard's: the import replaces it by that of the chart with the UUID.
            chart["meta"] |= {"uuid": uuids[name], "chartId": numbers[name]}
            places[f"CHART-{name}"] = chart
    places["MARKDOWN-read"] = {
        "type": "MARKDOWN",
        "id": "MARKDOWN-read",
        "children": [],
        "parents": ["ROOT_ID", "GRID_ID", "TEXT"],
        "meta": {
            "width": COLUMNS,
            "height": _TEXT_HEIGHT,
            "code": "\n\n".join(part.strip() for part in dashboard.read.split(" · ")),
        },
    }
    return places


def _chart(name: str, chart: Chart, row: str) -> dict[str, Any]:
    return {
        "type": "CHART",
        "id": f"CHART-{name}",
        "children": [],
        "parents": ["ROOT_ID", "GRID_ID", row],
        "meta": {
            "sliceName": chart.title,
            "width": chart.width,
            "height": chart.height or HEIGHTS.get(chart.kind, CHART_HEIGHT),
        },
    }
