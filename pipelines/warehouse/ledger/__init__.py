"""The run ledger: what ran, which files it took, what the checks said. Kept in the warehouse's `ops` schema."""

from pipelines.warehouse.ledger.exports import begin_export, end_export
from pipelines.warehouse.ledger.files import (
    FileEntry,
    mark_validated,
    note_unvalidated,
    record_drift,
    record_files,
    record_refused,
    touched,
    unvalidated,
)
from pipelines.warehouse.ledger.results import has_checks, record_checks, record_models
from pipelines.warehouse.ledger.runs import (
    StepEntry,
    finish_run,
    last_step,
    new_run_id,
    record_step,
    start_run,
)
from pipelines.warehouse.ledger.tables import DDL, now

__all__ = [
    "DDL",
    "FileEntry",
    "StepEntry",
    "begin_export",
    "end_export",
    "finish_run",
    "has_checks",
    "last_step",
    "mark_validated",
    "new_run_id",
    "note_unvalidated",
    "now",
    "record_checks",
    "record_drift",
    "record_files",
    "record_models",
    "record_refused",
    "record_step",
    "start_run",
    "touched",
    "unvalidated",
]
