"""Writes the Data Docs, a page per language, each whole or not at all."""

from __future__ import annotations

import logging
import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.data_docs.texts import LANGUAGES, Texts
from pipelines.errors import MainstayError
from pipelines.warehouse.connection import connect
from pipelines.warehouse.faults import database_errors
from pipelines.warehouse.ledger import DDL, now
from pipelines.warehouse.lock import warehouse_lock
from pipelines.warehouse.rights import private_files, private_folder

if TYPE_CHECKING:
    from pipelines.data_docs.read import Found
    from pipelines.settings import Settings

logger = logging.getLogger(__name__)

PAGES = {
    language: "index.html" if n == 0 else f"index.{language}.html" for n, language in enumerate(LANGUAGES)
}
"""File name of the page in each language."""

LIMIT_BYTES = 500_000
"""A page is no larger, whatever a night brings: it can be mailed, and opens at once."""


def write_data_docs(settings: Settings, run_id: str = "data-docs") -> dict[str, Path]:
    """Write the pages from the ledger; returns their paths by language.

    Args:
        settings: The deployment.
        run_id: Who has the warehouse's lock meanwhile.

    Raises:
        LockedError: another process has the warehouse for longer than `lock_timeout_seconds`.
        OSError: the folder cannot be written.
    """
    with warehouse_lock(settings, "data docs", run_id), database_errors(settings):
        found = _read(settings)
        folder = private_folder(settings, settings.docs)
        _take_away_great_expectations(settings)
        paths = {language: folder / name for language, name in PAGES.items()}
        scratch = {language: path.with_name(f".{path.name}.partial") for language, path in paths.items()}
        try:
            with private_files(settings):
                for language, text in _rendered(found).items():
                    scratch[language].unlink(missing_ok=True)  # a killed one's may have other rights
                    scratch[language].write_text(text, encoding="utf-8")
            for language, path in paths.items():
                scratch[language].replace(path)
        finally:
            for path in scratch.values():
                path.unlink(missing_ok=True)
        return paths


def data_docs_or_reason(settings: Settings, run_id: str = "data-docs") -> str | None:
    """Write the pages: the first one's path, or the sentence why they could not be written. None before there is a warehouse.

    What was checked stays as it is, whatever happens to the pages.
    """
    if not settings.warehouse.exists():
        return None
    try:
        return str(write_data_docs(settings, run_id)[LANGUAGES[0]])
    except Exception as error:  # a page that fails must not fail the night
        logger.warning("the Data Docs could not be written", exc_info=not isinstance(error, MainstayError))
        return f"not written: {' '.join(str(error).split()) or type(error).__name__}"


def _read(settings: Settings) -> Found:
    from pipelines.data_docs.read import read_found

    with closing(connect(settings)) as connection:
        connection.execute(DDL)  # an older Mainstay's ledger lacks columns
        return read_found(settings, connection)


def _rendered(found: Found) -> dict[str, str]:
    """Every page whole, before the first is written."""
    from pipelines.data_docs.page import render

    others = dict(zip(LANGUAGES, (*LANGUAGES[1:], LANGUAGES[0]), strict=True))
    written_at = now()

    def page(language: str, found: Found) -> str:
        text = render(found, Texts(language), written_at=written_at, other_page=PAGES[others[language]])
        return text if len(text.encode()) <= LIMIT_BYTES else page(language, found.halved())

    return {language: page(language, found) for language in LANGUAGES}


def _take_away_great_expectations(settings: Settings) -> None:
    """What an older Mainstay kept for Great Expectations' own pages, and these."""
    for left in (settings.docs / "static", settings.docs / "validations", settings.var / "gx" / "runs"):
        shutil.rmtree(left, ignore_errors=True)
