"""Validation results on disk, one folder per run, and the Data Docs made of them.

Each stage may run in a process of its own, so results are kept as files under `var/gx/runs/<run>`; the docs
are built once, from the newest run, beside the old ones and then take their place.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import ValidationFailedError
from pipelines.paths import plain
from pipelines.validate.gx import great_expectations, memory_context, quiet
from pipelines.validate.shown import harmless
from pipelines.warehouse.rights import private_files, private_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.settings import Settings

KEPT_RUNS = 5
_MARK = "run_id.txt"


def _runs(settings: Settings) -> Path:
    return settings.var / "gx" / "runs"


def _safe(run_id: str) -> str:
    """A run's id as a folder's name; run ids of a scheduler hold colons and plus signs."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", run_id).lstrip(".")[:100]
    return plain if plain == run_id else f"{plain}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"


def _context(results: Path, docs: Path) -> Any:
    def files(folder: Path) -> dict[str, Any]:
        return {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(plain(folder)),
            "root_directory": str(plain(folder.parent)),
        }

    site = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": files(docs),
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "site_section_builders": {
            "expectations": "None",
            "profiling": "None",
            "validations": {
                "class_name": "DefaultSiteSectionBuilder",
                "source_store_name": "results",
                "renderer": {
                    "module_name": "great_expectations.render.renderer",
                    "class_name": "ValidationResultsPageRenderer",
                },
            },
        },
    }
    return memory_context(
        stores={"results": {"class_name": "ValidationResultsStore", "store_backend": files(results)}},
        data_docs_sites={"mainstay": site},
    )


def save(settings: Settings, run_id: str, stage: str, results: Mapping[str, Any]) -> None:
    """Keep a stage's results, by suite; those of an earlier try of the same stage are replaced.

    Args:
        settings: The deployment.
        run_id: The run.
        stage: The stage; the suites' names begin with it.
        results: An ExpectationSuiteValidationResult per suite.
    """
    great_expectations()
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    run = _runs(settings) / _safe(run_id)
    shutil.rmtree(run / "results" / stage, ignore_errors=True)
    private_folder(settings, run)
    earlier = [m.stat().st_mtime_ns for m in _runs(settings).glob(f"*/{_MARK}") if m.parent != run]
    (run / _MARK).write_text(run_id, encoding="utf-8")
    # Newest by its mark even if the clock has been set back since the runs before.
    newest = max([time.time_ns(), *(moment + 1 for moment in earlier)])
    os.utime(run / _MARK, ns=(newest, newest))
    with quiet():
        context = _context(run / "results", run / "docs")
        identifier = RunIdentifier(run_name=_safe(run_id), run_time=datetime.now(UTC))
        for suite, result in results.items():
            for one in result.results:
                _make_harmless(one)
            result.meta["run_id"] = identifier
            key = ValidationResultIdentifier(
                expectation_suite_identifier=ExpectationSuiteIdentifier(suite),
                run_id=identifier,
                batch_identifier=suite,
            )
            context.validation_results_store.set(key, result)
    for old in _newest_first(settings)[KEPT_RUNS:]:
        shutil.rmtree(old)


def _make_harmless(result: Any) -> None:
    """Of an expectation's result, let nothing be markup in Data Docs, of which these files are all."""
    result.result = harmless(result.result)
    result.exception_info = harmless(result.exception_info)
    configuration = result.expectation_config
    configuration.kwargs = harmless(configuration.kwargs)
    configuration.meta = harmless(configuration.meta)
    configuration.description = harmless(configuration.description)


def _newest_first(settings: Settings) -> list[Path]:
    marks = _runs(settings).glob(f"*/{_MARK}")
    return [
        m.parent for m in sorted(marks, key=lambda m: (m.stat().st_mtime_ns, m.parent.name), reverse=True)
    ]


def build_docs(settings: Settings) -> Path:
    """Build the Data Docs of the last run, all its stages, and return the path of their index page.

    Raises:
        ValidationFailedError: Nothing has been validated yet.
    """
    newest = _newest_first(settings)
    if not newest:
        raise ValidationFailedError(
            f"{_runs(settings)}: no validation results; run a stage's validation first"
        )
    fresh = settings.docs.with_name(settings.docs.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    private_folder(settings, fresh)
    with quiet(), private_files(settings):
        _context(newest[0] / "results", fresh).build_data_docs()
    old = settings.docs.with_name(settings.docs.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if settings.docs.exists():
        settings.docs.rename(old)
    fresh.rename(settings.docs)
    shutil.rmtree(old, ignore_errors=True)
    return settings.docs / "index.html"
