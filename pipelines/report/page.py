"""The report's page: charts, the sentence beside each, small tables, all in one HTML file that asks for nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from pipelines.report import models, retention, tiers, wallet

if TYPE_CHECKING:
    from pipelines.report.quality import Quality
    from pipelines.report.read import Night
    from pipelines.report.style import Chart
    from pipelines.report.texts import Texts

_FOLDER = Path(__file__).parent


def charts(night: Night, texts: Texts) -> list[Chart]:
    """The charts in the page's order; each has a figure or says why not."""
    return [
        tiers.pyramid(night, texts),
        tiers.contribution(night, texts),
        tiers.migration(night, texts),
        retention.cohorts(night, texts),
        *(retention.survival(night, curve, texts) for curve in retention.CURVES),
        wallet.quadrants(night, texts),
        models.by_class(night, texts),
        models.by_week(night, texts),
        models.fits(night, texts),
    ]


def render(night: Night, quality: Quality, texts: Texts, *, key: str, other_page: str) -> str:
    """The page in one language.

    Args:
        night: What is published.
        quality: What the ledger says of it.
        texts: The language.
        key: Identifies what the page was made of; see `write.page_key`.
        other_page: File name of the page in the other language.
    """
    scripts = {"plotly": _script(get_plotlyjs()), "draw": _script((_FOLDER / "page.js").read_text("utf-8"))}
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            t=texts,
            night=night,
            published=night.published,
            charts=charts(night, texts),
            quality=quality,
            quality_tables=[] if quality.problem else quality.tables(texts),
            simulated=[texts(f"notice.{part.replace(' ', '_')}") for part in quality.simulated],
            key=key,
            other_page=other_page,
            style=Markup((_FOLDER / "page.css").read_text("utf-8")),  # noqa: S704  # ours, not data
            scripts=scripts,
            policy=_policy(*scripts.values()),
        )
    )


def _script(text: str) -> Markup:
    """A script of ours to stand in the page."""
    if "</script" in text.lower():
        raise ValueError("a script that holds its own end tag cannot stand in a page")
    return Markup(text)  # noqa: S704  # plotly's file or ours, not data


def _policy(*scripts: str) -> str:
    """A content security policy: the browser runs these scripts alone and asks nobody for anything."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _figure_json(chart: Chart) -> Markup:
    """A figure as JSON that cannot end the element it stands in."""
    assert chart.figure is not None  # noqa: S101  # the template asks only for those
    text = str(chart.figure.to_json())
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["figure_json"] = _figure_json
    return environment
