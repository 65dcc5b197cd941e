"""One language's page of the Data Docs: no script, nothing that is asked for elsewhere, and no text of the data as markup."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipelines.data_docs import words
from pipelines.data_docs.read import STAGES
from pipelines.showing import cut, visible

if TYPE_CHECKING:
    from datetime import datetime

    from pipelines.data_docs.read import Check, Found, Night
    from pipelines.data_docs.texts import Texts

_FOLDER = Path(__file__).parent
_MESSAGE = 3_000


def render(found: Found, texts: Texts, *, written_at: datetime, other_page: str) -> str:
    """The page.

    Args:
        found: What the ledger holds.
        texts: The language.
        written_at: When, in UTC.
        other_page: File name of the page in the other language.
    """
    newest = found.nights[0] if found.nights else None
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            t=texts,
            words=words,
            stages=STAGES,
            found=found,
            newest=newest,
            verdict=_verdict(newest, texts) if newest else "",
            stopped=_stopped(newest) if newest else None,
            groups=_groups(found.checks),
            unlisted=_unlisted(newest, found.checks) if newest else 0,
            written_at=written_at,
            other_page=other_page,
            style=Markup((_FOLDER / "page.css").read_text("utf-8")),  # noqa: S704  # ours, not data
        )
    )


def _verdict(night: Night, texts: Texts) -> str:
    total = night.total
    key = "none" if not total.checks else "failed" if total.failed else "warned" if total.warned else "passed"
    return texts(
        "verdict",
        key,
        checks=f"{total.checks:,}",
        failed=f"{total.failed:,}",
        warned=f"{total.warned:,}",
    )


def _stopped(night: Night) -> str | None:
    """What a run that stopped said, where it was not a check that stopped it."""
    return cut(night.message, _MESSAGE) if night.message and not night.total.failed else None


def _groups(checks: list[Check]) -> list[tuple[str, str, list[Check]]]:
    """Checks by stage and table, in the order of a night."""
    return [
        (stage, suite, list(every))
        for (stage, suite), every in groupby(checks, key=lambda check: (check.stage, check.suite))
    ]


def _unlisted(night: Night, checks: list[Check]) -> int:
    made = sum(count.checks for stage, count in night.counts.items() if stage != "build")
    return made - len(checks)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        # Whatever turns the direction of reading, or cannot be seen, is written out.
        finalize=lambda value: (
            visible(value, keep="\n\u3000")
            if isinstance(value, str) and not isinstance(value, Markup)
            else value
        ),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
