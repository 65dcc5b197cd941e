"""Charts: what Superset is told of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.bi.described import FORMATS
from pipelines.quoting import ident

if TYPE_CHECKING:
    from pipelines.bi.described import Chart, Dataset

VIZ_TYPES = {
    "trend": "big_number",
    "number": "big_number_total",
    "line": "echarts_timeseries_line",
    "bar": "echarts_timeseries_bar",
    "heatmap": "heatmap_v2",
    "table": "table",
    "rows": "table",
}
_MONTHS = "%Y-%m"
_DAYS = "%Y-%m-%d"


def params(chart: Chart, dataset: Dataset, times: set[str]) -> dict[str, Any]:
    """A chart's form, as Superset's own editor would fill it in.

    Args:
        chart: The chart.
        dataset: What it reads.
        times: The dataset's columns with dates or times.
    """
    form = {"viz_type": VIZ_TYPES[chart.kind], "adhoc_filters": [_condition(text) for text in _where(chart)]}
    kinds = {
        "trend": _trend,
        "number": _number,
        "line": _series,
        "bar": _series,
        "heatmap": _heatmap,
        "table": _table,
        "rows": _rows,
    }
    return form | kinds[chart.kind](chart, dataset, times)


def _where(chart: Chart) -> list[str]:
    # The running month has fewer days than the others: a trend would always end in a fall.
    return ["is_complete_month", *chart.where] if chart.kind == "trend" else chart.where


def _condition(sql: str) -> dict[str, Any]:
    return {"clause": "WHERE", "expressionType": "SQL", "sqlExpression": sql}


def _format(dataset: Dataset, metric: str) -> str:
    return FORMATS[dataset.metrics[metric][2]]


def _time_format(chart: Chart) -> str:
    return _DAYS if chart.grain == "P1D" else _MONTHS


def _trend(chart: Chart, dataset: Dataset, _times: set[str]) -> dict[str, Any]:
    return {
        "metric": chart.metric,
        "x_axis": "month",
        "time_grain_sqla": "P1M",
        "y_axis_format": _format(dataset, chart.metric),
        "show_trend_line": True,
        "start_y_axis_at_zero": False,
        "header_font_size": 0.4,
    }


def _number(chart: Chart, dataset: Dataset, _times: set[str]) -> dict[str, Any]:
    return {
        "metric": chart.metric,
        "y_axis_format": _format(dataset, chart.metric),
        "header_font_size": 0.4,
    }


def _series(chart: Chart, dataset: Dataset, times: set[str]) -> dict[str, Any]:
    is_time = chart.x in times
    legend = bool(chart.series) or len(chart.metrics) > 1
    form: dict[str, Any] = {
        "x_axis": chart.x,
        "metrics": chart.metrics,
        "groupby": [chart.series] if chart.series else [],
        "time_grain_sqla": (chart.grain or "P1M") if is_time else None,
        "x_axis_time_format": _time_format(chart),
        "tooltipTimeFormat": _time_format(chart),
        "y_axis_format": _format(dataset, chart.metrics[0]),
        "show_legend": legend,
        "legendOrientation": "top",
        "legendType": "plain",
        "rich_tooltip": True,
        "row_limit": 10000,
        "truncate_metric": True,
        "truncateYAxis": chart.up_to is not None,
        "y_axis_bounds": [0 if chart.up_to else None, chart.up_to],
        "xAxisLabelRotation": 0,
    }
    if chart.series:  # metrics stay in the order given
        form |= {"sort_series_type": "name", "sort_series_ascending": True}
    if chart.kind == "bar":
        form |= {
            "stack": "Stack" if chart.stack else None,
            "contributionMode": "row" if chart.share else None,
            "orientation": "horizontal" if chart.across else "vertical",
            "show_value": chart.across,
        }
    if not is_time:
        form |= {"x_axis_sort_asc": True, "x_axis_sort": chart.x}
        is_long = chart.kind == "line" or str(chart.x).endswith("month_name")
        form["xAxisLabelInterval"] = "auto" if is_long else "0"
    if chart.across:
        form |= {"x_axis_sort": chart.metrics[0], "x_axis_sort_asc": True, "row_limit": chart.limit or 10000}
    if chart.share:
        form["y_axis_format"] = FORMATS["rate"]
    return form


def _heatmap(chart: Chart, dataset: Dataset, _times: set[str]) -> dict[str, Any]:
    return {
        "x_axis": chart.x,
        "groupby": chart.series,
        "time_grain_sqla": "P1M",
        "metric": chart.metric,
        "y_axis_format": _format(dataset, chart.metric),
        "x_axis_time_format": _MONTHS,
        "sort_x_axis": "alpha_asc",
        "xscale_interval": 1,
        "yscale_interval": 1,
        "sort_y_axis": "alpha_desc",
        "linear_color_scheme": "schemePuBu",
        "normalize_across": "heatmap",
        "show_values": True,
        "show_legend": False,
        "show_percentage": False,
        "value_bounds": [None, None],
        "left_margin": "auto",
        "bottom_margin": "auto",
        "row_limit": 10000,
    }


def _table(chart: Chart, _dataset: Dataset, _times: set[str]) -> dict[str, Any]:
    is_metric = chart.sort in chart.metrics
    # Superset sorts by figures alone; this one is not shown.
    by_name = {
        "expressionType": "SQL",
        "sqlExpression": f"min({ident(chart.sort or chart.by[0])})",
        "label": "order",
    }
    return {
        "query_mode": "aggregate",
        "groupby": chart.by,
        "metrics": chart.metrics,
        "timeseries_limit_metric": chart.sort if is_metric else by_name,
        "order_desc": is_metric,
        "row_limit": chart.limit or 1000,
        "table_timestamp_format": _MONTHS,
        "show_cell_bars": False,
        "include_search": False,
    }


def _rows(chart: Chart, _dataset: Dataset, times: set[str]) -> dict[str, Any]:
    order = [f'["{chart.order[0]}", {str(chart.order[1] == "asc").lower()}]'] if chart.order else []
    return {
        "query_mode": "raw",
        "all_columns": chart.columns,
        "order_by_cols": order,
        "row_limit": chart.limit or 1000,
        "table_timestamp_format": "%Y-%m-%d %H:%M" if "published_at" in times else _DAYS,
        "server_pagination": False,
        "page_length": 0,
        "show_cell_bars": False,
        "column_config": {
            column: {"d3NumberFormat": FORMATS["small_rate" if column.endswith("_rate") else "whole"]}
            for column in chart.columns
            if column not in times
        },
        "include_search": False,
    }
