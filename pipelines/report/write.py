"""Writes the report's pages, whole or not at all, one per language, each linking to the other."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from pipelines.errors import PublishError
from pipelines.publish import current, files
from pipelines.report.languages import LANGUAGES
from pipelines.report.read import read_night, tier_names
from pipelines.warehouse.faults import database_errors
from pipelines.warehouse.rights import for_readers

if TYPE_CHECKING:
    from pipelines.publish import Published
    from pipelines.settings import Settings

logger = logging.getLogger(__name__)

PAGES = {
    language: "report.html" if n == 0 else f"report.{language}.html" for n, language in enumerate(LANGUAGES)
}
"""File name of the page in each language."""

_HEAD_BYTES = 1_000
"""The page's key stands within its first bytes."""


@dataclass(frozen=True)
class Report:
    """The pages that were written, or found to be those of the published night."""

    version: str
    paths: dict[str, Path]
    """By language."""
    unchanged: bool
    """True when the pages were there already."""
    size_bytes: int
    """Of all pages."""


def write_report(settings: Settings, folder: Path | None = None, *, anew: bool = True) -> Report:
    """Write the pages of the published night.

    Args:
        settings: The deployment.
        folder: Where to write; default beside the marts.
        anew: Write also if the pages there are of this night already.

    Raises:
        PublishError: nothing is published, the served file cannot be read, or the folder cannot be written.
        SettingsError: a policy file, which has the tiers' labels, is wrong.
        LockedError: another process publishes.
    """
    folder = folder or settings.serving
    if not settings.serving.is_dir():
        raise PublishError(_nothing(settings))
    try:
        # Nobody swaps the night meanwhile, and nobody else writes the pages.
        with files.exclusive(settings.serving, settings.lock_timeout_seconds):
            published = current(settings)
            if published is None:
                raise PublishError(_nothing(settings))
            return _write(settings, published, folder, anew=anew)
    except duckdb.Error as error:
        raise PublishError(f"the report cannot read the published night: {error}") from error
    except OSError as error:
        raise PublishError(
            f"{folder}: the report cannot be written there: {error}; free some space, mend the folder's rights, or "
            "name another folder with --out"
        ) from error


def report_or_reason(settings: Settings) -> str:
    """Write the report beside the marts if it is not there: its path, or the sentence why it could not be written.

    What was published stays published, whatever happens to the pages.
    """
    try:
        with database_errors(settings):  # a signal that ended a query goes on as itself
            return str(write_report(settings, anew=False).paths[LANGUAGES[0]])
    except Exception as error:  # a chart that fails must not fail the night
        logger.warning("the report could not be written", exc_info=True)
        return f"not written: {' '.join(str(error).split()) or type(error).__name__}"


def _nothing(settings: Settings) -> str:
    return f"{settings.serving}: nothing is published yet, so there is nothing to report; run `mainstay nightly` first"


def page_key(settings: Settings, published: Published) -> str:
    """Identifies what a page is made of: the night's version, labels and settings in force, and the report's own files."""
    own = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*")):
        if path.suffix in (".py", ".yaml", ".css", ".js", ".j2", ".json"):
            own.update(path.read_bytes())
    in_force = [
        settings.currency,
        settings.care_on_time_days,
        settings.care_late_days,
        settings.min_group_answers,
    ]
    names = json.dumps(
        [asdict(tier_names(settings)), *in_force, installed_version("mainstay")], ensure_ascii=False
    )
    own.update(names.encode())
    return f"{published.version} {own.hexdigest()[:16]}"


def _write(settings: Settings, published: Published, folder: Path, *, anew: bool) -> Report:
    key = page_key(settings, published)
    paths = {language: folder / name for language, name in PAGES.items()}
    scratch = {language: path.with_name(f".{path.name}.partial") for language, path in paths.items()}
    is_there = not anew and all(_has_key(path, key) for path in paths.values())
    try:
        if not is_there:
            folder.mkdir(parents=True, exist_ok=True)
            for language, text in _rendered(settings, published, key).items():
                scratch[language].write_text(text, encoding="utf-8")
                for_readers(settings, scratch[language])
                files.fsync(scratch[language])
            for language, path in paths.items():
                scratch[language].replace(path)
            files.fsync(folder)
    finally:
        # Also what a killed process left: always the same names.
        for path in scratch.values():
            path.unlink(missing_ok=True)
    size = sum(path.stat().st_size for path in paths.values())
    return Report(published.version, paths, is_there, size)


def _rendered(settings: Settings, published: Published, key: str) -> dict[str, str]:
    """Every page whole, before the first is written."""
    from pipelines.report.page import render  # jinja and the drawing library: only where charts are drawn
    from pipelines.report.quality import read_quality
    from pipelines.report.texts import Texts

    night, quality = read_night(settings, published), read_quality(settings, published)
    others = dict(zip(LANGUAGES, (*LANGUAGES[1:], LANGUAGES[0]), strict=True))
    return {
        language: render(night, quality, Texts(language), key=key, other_page=PAGES[others[language]])
        for language in LANGUAGES
    }


def _has_key(path: Path, key: str) -> bool:
    try:
        with path.open("rb") as page:
            return f'content="{key}"'.encode() in page.read(_HEAD_BYTES)
    except OSError:
        return False
