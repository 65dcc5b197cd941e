"""What steps say in Airflow: what each did in its log, with a table of what was published, and the Asset's event."""

from __future__ import annotations

from typing import Any


def summary_lines(task_id: str, summary: dict[str, Any]) -> list[str]:
    """What a step did, as lines of its log."""
    lines = published_lines(summary) if task_id == "publish" else []
    plain = {name: value for name, value in summary.items() if isinstance(value, str | int | float)}
    return [*lines, *(f"{name.replace('_', ' ')}: {value}" for name, value in plain.items())]


def published_lines(summary: dict[str, Any]) -> list[str]:
    """What the step `publish` changed for BI, line by line, as a person reads it in the log.

    Args:
        summary: What the step returned. A backfill's has `changes`, compared row by row; a night's has each mart's rows.
    """
    version = summary["version"]
    if summary["unchanged"]:
        return [f"Nothing changed for BI: as of {summary['as_of_date']}, version {version}"]
    lines = [f"Published as of {summary['as_of_date']}: version {version}, {summary['rows']:,} rows"]
    changes = summary.get("changes") or {}
    if changes.get("problem"):
        lines.append(f"Not compared with what was served before: {changes['problem']}")
    compared = changes.get("before") is not None
    marts = changes["tables"] if compared else summary["marts"]
    changed = [row for row in marts if row["status"] != "same"]
    lines += _table(changed, ("added", "removed", "changed") if compared else ())
    for move in changes.get("tiers_moved", ()):
        lines.append(
            f"tier {move['from_tier'] or '–'} → {move['to_tier'] or '–'}: {move['customers']:,} customers, "
            f"{move['customer_months']:,} customer months"
        )
    for month in changes.get("revenue_restated", ()):
        lines.append(
            f"revenue of {month['month'][:7]}: {month['before']} → {month['after']} ({month['difference']})"
        )
    same = len(summary["marts"]) - len(changed)
    return [*lines, f"the same as before: {same}"] if same > 0 else lines


def _table(rows: list[dict[str, Any]], more: tuple[str, ...]) -> list[str]:
    if not rows:
        return []
    names = ("rows_before", "rows_after", *more)
    titles = ["mart", "before", "after", "difference", *more]
    cells = [titles]
    for row in rows:
        difference = (row["rows_after"] or 0) - (row["rows_before"] or 0)
        before, after, *others = ("–" if row[name] is None else f"{row[name]:,}" for name in names)
        cells.append([row["name"], before, after, f"{difference:+,}", *others])
    widths = [max(len(line[i]) for line in cells) for i in range(len(titles))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def event_extra(summary: dict[str, Any]) -> dict[str, Any]:
    """What the Asset's event says of the published night, for DAGs that are scheduled on it."""
    return {
        "as_of_date": summary["as_of_date"],
        "rows": summary["rows"],
        "version": summary["version"],
        "unchanged": summary["unchanged"],
    }
