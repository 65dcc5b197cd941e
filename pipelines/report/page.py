"""The report's page: charts, the sentence beside each, small tables, all in one HTML file that asks for nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipelines.report import (
    care,
    causes,
    defections,
    forecasts,
    header,
    loyalty,
    models,
    offers,
    points,
    retention,
    slipping,
    tiers,
    trends,
    voice,
    wallet,
)
from pipelines.report.vendored import plotly

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.report.quality import Quality
    from pipelines.report.read import Night
    from pipelines.report.style import Chart
    from pipelines.report.texts import Texts

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Chapter:
    """A question that a manager asks, and the charts that answer it."""

    key: str
    charts: list[Chart]

    @property
    def why_not(self) -> tuple[str, ...]:
        """The one reason that all its charts are missing for: it need not stand under each of them."""
        reasons = {chart.why_not for chart in self.charts}
        return reasons.pop() if len(reasons) == 1 and len(self.charts) > 1 else ()


def chapters(night: Night, texts: Texts) -> list[Chapter]:
    """The charts in the order in which a manager asks; each has a figure or says why not."""
    asked: dict[str, tuple[Callable[[Night, Texts], Chart], ...]] = {
        "slipping": (
            slipping.flows,
            slipping.status,
            *(defections.reasons, trends.defections, defections.win_back),
        ),
        "tomorrow": (care.schedule, trends.schedule, offers.offers),
        "voice": (voice.scores, causes.pareto, trends.causes, voice.care, causes.claims),
        "loyalty": (loyalty.matrix, trends.stages, loyalty.drivers, trends.drivers),
        "value": (
            *(tiers.pyramid, trends.tiers, tiers.contribution, tiers.migration, trends.moves),
            *(wallet.quadrants, trends.wallet),
        ),
        "points": (points.ageing, points.liability),
        "return": (
            retention.cohorts,
            *(partial(_survival, curve) for curve in retention.CURVES),
        ),
        "forecasts": (forecasts.by_week, forecasts.by_class, models.fits),
    }
    return [Chapter(key, [draw(night, texts) for draw in draws]) for key, draws in asked.items()]


def _survival(curve: str, night: Night, texts: Texts) -> Chart:
    return retention.survival(night, curve, texts)


def render(night: Night, quality: Quality, texts: Texts, *, key: str, other_page: str) -> str:
    """The page in one language.

    Args:
        night: What is published.
        quality: What the ledger says of it.
        texts: The language.
        key: Identifies what the page was made of; see `write.page_key`.
        other_page: File name of the page in the other language.
    """
    scripts = {"plotly": _script(plotly().text), "draw": _script((_FOLDER / "page.js").read_text("utf-8"))}
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            t=texts,
            night=night,
            published=night.published,
            figures=header.figures(night, texts),
            chapters=chapters(night, texts),
            quality=quality,
            quality_problem=quality.why_not(texts),
            quality_tables=[] if quality.problem else quality.tables(texts),
            mainstay=installed_version("mainstay"),
            drawing=plotly(),
            # By name of the part, so that each chart can say what of it is made up.
            simulated={part: texts(f"notice.{part.replace(' ', '_')}") for part in quality.simulated},
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
    text = json.dumps(chart.figure, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
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
