"""What Airflow shows of the DAGs and their tasks: what each does, and what to do when it fails.

The one source of the table "When a step fails" in `docs/operations.md`, which a test holds to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.settings import Settings


@dataclass(frozen=True)
class Failure:
    """A way in which a step fails."""

    means: str
    kept: str
    """What is as it was, or can be looked at."""
    way_on: str


@dataclass(frozen=True)
class Told:
    """What a person is told of a task."""

    does: str
    failures: tuple[Failure, ...] = ()


_HALF = "marts half new, half old, in the warehouse only"
_DOUBTFUL = "read the sentence and `var/logs/dbt.log`; run again: everything is built then"

TASKS = {
    "land": Told(
        "Opens the run in the ledger, finds the dates' files and inspects each: whole, decodable, of the contract's shape. "
        "Nothing is loaded yet.",
        (
            Failure(
                "a file is missing, or refused",
                "everything",
                "land it or have it written again; run again",
            ),
        ),
    ),
    "validate_land": Told(
        "Checks columns and empty values in the files as text.",
        (
            Failure(
                "a required column is emptier than tolerated, or there is no row",
                "everything",
                "as above, or mend the contract",
            ),
        ),
    ),
    "load": Told(
        "Replaces the dates' rows in `raw`, each dataset in one transaction, and sets bad and double rows aside.",
        (
            Failure(
                "more rows with [reused keys](bring-your-own-data.md#keys) than tolerated",
                "all as before",
                "widen the key in the contract, or raise `toleratedKeyReuseRate`; run again",
            ),
            Failure(
                "more rejects than tolerated",
                "`raw` of that date as before; the rejects in `quarantine`",
                "look at them; mend the file or the contract; run again",
            ),
        ),
    ),
    "validate_raw": Told(
        "Checks types, rules and keys of the dates that were loaded and have not passed yet.",
        (
            Failure(
                "a data rule does not hold",
                "the loaded rows; marts as before",
                "mend the file or the contract and load it again: until then every night stops here",
            ),
        ),
    ),
    "stage": Told(
        "Writes the policies and the staging views.",
        (
            Failure(
                "a policy or the SQL of a view",
                "the views that were made",
                "mend the policy that it names",
            ),
        ),
    ),
    "validate_staging": Told(
        "Checks columns and keys of the staging views.",
        (
            Failure(
                "a key stands twice, or a column is missing",
                "the views",
                "report it: the models should not let this happen",
            ),
        ),
    ),
    "build": Told(
        "Holds `raw` against the ledger, then brings the marts to the date, with their dbt tests.",
        (
            Failure(
                "a model or a dbt test failed, a loaded date has not passed `validate raw`, or `raw` and the ledger differ",
                _HALF,
                _DOUBTFUL,
            ),
        ),
    ),
    "fit": Told(
        "Fits the models of retention and value, and builds the marts that rest on them.",
        (
            Failure(
                "a mart that rests on the models, or a dbt test on one, failed; never that a model could not be fitted",
                "as for build",
                "as for build",
            ),
        ),
    ),
    "validate_marts": Told(
        "Checks every mart against its contract.",
        (
            Failure(
                "a mart breaks its contract",
                "new marts, in the warehouse only",
                "the Data Docs say which values",
            ),
        ),
    ),
    "publish": Told(
        "Builds the serving file, audits it and swaps it in whole, then writes the report. The log has a table of what changed.",
        (
            Failure(
                "the audit refused; the disk is full (exit 10)",
                "BI's night before",
                "the sentence says why; run again",
            ),
        ),
    ),
    "export": Told(
        "Brings PostgreSQL to the published night, where `MAINSTAY_POSTGRES_URL` is set.",
        (
            Failure(
                "PostgreSQL cannot be reached, refuses, or is held up by a reader",
                "the published night; in PostgreSQL the one before",
                "mend what the sentence names; clear the task, or run `mainstay export postgres`",
            ),
        ),
    ),
    "finish": Told("Closes the run in the ledger, whatever happened before, and builds the check pages."),
}
"""By task id, in the order in which they run."""

LOOK = Told(
    "Looks whether the night is published that should be by now, and fails if not.",
    (
        Failure(
            "no night for yesterday was published",
            "BI's last night",
            "see `mainstay status` and whether the scheduler is up; then `mainstay nightly DATE`",
        ),
    ),
)
"""Of the DAG `mainstay_stale`, which is no step."""

_EVERYWHERE = (
    "The last line of the log is the sentence that says what is wrong. BI reads the last published night meanwhile. A task can "
    "be cleared at any time: every step can be repeated, and a killed one leaves nothing that the next does not put right."
)


_KEPT = {"as for build": _HALF}
_WAYS_ON = {
    "as for build": _DOUBTFUL,
    "as above, or mend the contract": "have the file written again, or mend the contract; run again",
}
"""What the table shortens, spelt out: a task has no row above it."""


def task_doc(told: Told) -> str:
    """The task's documentation as Markdown."""
    parts = [told.does]
    if told.failures:
        parts += ["**When it fails**"]
        rows = [
            f"- *What it means:* {_plain(failure.means)}. "
            f"*What is kept:* {_KEPT.get(failure.kept, failure.kept)}. "
            f"*What to do:* {_WAYS_ON.get(failure.way_on, failure.way_on)}."
            for failure in told.failures
        ]
        parts += ["\n".join(rows), _EVERYWHERE]
    return "\n\n".join(parts)


def _plain(text: str) -> str:
    """Without links, which lead to other documents."""
    return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text)


def failures_table() -> str:
    """All the failures as the table in the operations guide."""
    lines = [
        "| step | what it means | what is kept | what to do |",
        "|---|---|---|---|",
        *(
            f"| {task_id.replace('_', ' ')} | {f.means} | {f.kept} | {f.way_on} |"
            for task_id, told in TASKS.items()
            for f in told.failures
        ),
    ]
    return "\n".join(lines)


def clock(settings: Settings) -> str:
    """How dates and hours are meant in this deployment, as a sentence."""
    return (
        f"Business dates and hours are those of the deployment's clock, `{settings.timezone}`; "
        "Airflow shows times in the timezone that is chosen in the web UI, and names runs in UTC."
    )


def dag_doc(text: str, settings: Settings, tasks: Mapping[str, Told] = TASKS) -> str:
    """A DAG's documentation: its file's own text, the clock, and what its tasks do.

    Args:
        text: The docstring of the DAG's file; its last paragraph, on the code, is left out.
        settings: For the clock.
        tasks: The DAG's tasks.
    """
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")][:-1]
    steps = "\n".join(f"- **{task_id}**: {_plain(told.does)}" for task_id, told in tasks.items())
    return "\n\n".join([*paragraphs, clock(settings), steps, _EVERYWHERE])
