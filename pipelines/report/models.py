"""The state of the models: which are published, and why the others are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.report import style
from pipelines.report.style import Chart, Table

if TYPE_CHECKING:
    from pipelines.report.read import Night
    from pipelines.report.texts import Texts


def fits(night: Night, texts: Texts) -> Chart:
    """A table of which models are published, and why the others are not."""
    title, rows = texts("fits.title"), night.rows["fits"]
    if not rows:
        return style.missing("fits", title, "model_fits", rows, texts)
    headers = (
        *("column.model", "column.sample", "column.published", "column.customers"),
        *("fits.repeat", "fits.log_likelihood"),
    )
    table = Table(
        tuple(texts(name) for name in headers),
        [
            (
                name(row["model"], texts),
                texts.known(f"samples.{row['sample']}", row["sample"]),
                _standing(row, texts),
                texts.number(row["customers"]),
                texts.number(row["repeat_customers"]),
                "–" if row["log_likelihood"] is None else f"{row['log_likelihood']:,.1f}",
            )
            for row in rows
        ],
    )
    return Chart("fits", title, texts("fits.read"), table=table)


def _standing(row: dict[str, Any], texts: Texts) -> str:
    """Published, at a limit with what that means, or why not."""
    if not row["is_published"]:
        return _reason(row, texts)
    limit = row.get("limit_model")
    return "✓" if limit is None else f"✓ {texts.known(f'limits.{limit}', limit)}"


def _reason(row: dict[str, Any], texts: Texts) -> str:
    """In the report's language; a night of an earlier version has the fit's own English words alone, in the mart."""
    key = f"reasons.{row.get('reason_code')}"
    return texts(key if key in texts else "reasons.other", customers=texts.number(row["customers"]))


def name(model: str, texts: Texts) -> str:
    """A model's name, or the data's own word for it."""
    return texts.known(f"models.{model}", model)


def unpublished(night: Night, sample: str, texts: Texts) -> tuple[str, ...]:
    """For each model of a sample that is not published, the sentence why."""
    return tuple(
        texts(
            "calibration.reason",
            model=name(row["model"], texts),
            sample=texts.known(f"samples.{row['sample']}", row["sample"]),
            reason=_reason(row, texts),
        )
        for row in night.rows["fits"] or []
        if row["reason"] and row["sample"] == sample
    )
