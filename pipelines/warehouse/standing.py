"""What stands in the warehouse: for which date the marts were built, and whether they and the rows below were validated."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.contracts import known_contracts, source_contracts
from pipelines.errors import BuildError
from pipelines.quoting import ident, literal
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect, fetch_rows
from pipelines.warehouse.engines import engine_of
from pipelines.warehouse.lock import warehouse_lock
from pipelines.warehouse.reuse import count_reused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.settings import Settings


def last_step(
    settings: Settings, step: str, statuses: Sequence[str] | None = None
) -> ledger.StepEntry | None:
    """The newest entry of a step in the ledger, of whatever run; with `statuses`, the newest that ended so."""
    if not settings.warehouse.exists():
        return None
    with warehouse_lock(settings, "look", "look"), closing(connect(settings, rows=False)) as connection:
        return ledger.last_step(connection, step, statuses)


def built_as_of(settings: Settings, *, fitted: bool = True) -> date:
    """The business date that the marts in the warehouse were last built for.

    Args:
        settings: The deployment.
        fitted: All marts are meant, also those that rest on fitted models.

    Raises:
        BuildError: they were never built, or that did not end well and left them half made.
    """
    built = _well_ended(settings, "build")
    if fitted:
        _well_ended(settings, "fit")
        if not are_models_fitted(settings):
            raise BuildError(
                "the models were not fitted since the marts were last built; run `mainstay fit` first"
            )
    return date.fromisoformat(built.detail["as_of_date"])


def date_of_marts(settings: Settings) -> date:
    """The business date of the marts in the warehouse, also where a later build failed.

    Raises:
        BuildError: they were never built.
    """
    last = last_step(settings, "build", ["success", "partial"])
    if last is None:
        raise BuildError("there are no whole marts to build some of anew; run `mainstay build` first")
    return date.fromisoformat(last.detail["as_of_date"])


def are_models_fitted(settings: Settings) -> bool:
    """Whether the models have been fitted, and the marts on them built, since the other marts were last built."""
    return _follows(settings, "fit", "build")


def _follows(settings: Settings, step: str, earlier: str) -> bool:
    """Whether the last of a step ended well and began after another step's last."""
    before, last = last_step(settings, earlier), last_step(settings, step)
    return (
        before is not None
        and last is not None
        and last.status == "success"
        and last.sequence > before.sequence
    )


def _well_ended(settings: Settings, step: str) -> ledger.StepEntry:
    last = last_step(settings, step)
    if last is None:
        raise BuildError(f"the marts were never built; run `mainstay {step}` first")
    if last.status == "partial":
        raise BuildError(
            f"the last {step} (run {last.run_id}) made only {last.detail['selected']} anew; "
            f"run `mainstay {step}` before anything is published"
        )
    if last.status != "success":
        raise BuildError(
            f"the last {step} (run {last.run_id}) did not end well and the marts may be half made; "
            f"run `mainstay {step}` again"
        )
    return last


def is_built(settings: Settings, as_of: date, context: str) -> bool:
    """Whether the marts that rest on no fitted model stand built as of the date, of the present policies and models."""
    return _is_done(settings, "build", as_of, context)


def are_marts_validated(settings: Settings) -> bool:
    """Whether the marts have passed their expectations since they were last built."""
    return _follows(settings, "validate_marts", "fit")


def are_marts_ready(settings: Settings, as_of: date) -> bool:
    """Whether the marts stand built as of the date, whole and validated."""
    try:
        return built_as_of(settings) == as_of and are_marts_validated(settings)
    except BuildError:
        return False


def is_staged(settings: Settings, as_of: date, context: str) -> bool:
    """Whether the seeds and staging models are those of the date, of the present policies and models, and of the loaded rows."""
    if not _is_done(settings, "stage", as_of, context):
        return False
    if not engine_of(settings).stages_tables:
        return True  # a view is of the rows that are there
    staged = last_step(settings, "stage")
    changed = [last_step(settings, step) for step in ("load", "forget")]
    return staged is not None and all(c is None or c.sequence < staged.sequence for c in changed)


def _is_done(settings: Settings, step: str, as_of: date, context: str) -> bool:
    last = last_step(settings, step)
    return (
        last is not None
        and last.status == "success"
        and last.detail.get("as_of_date") == as_of.isoformat()
        and last.detail.get("context") == context
    )


def unvalidated(settings: Settings) -> dict[str, list[date]]:
    """Per dataset, the loaded partitions that have not passed the raw expectations."""
    with warehouse_lock(settings, "look", "look"), closing(connect(settings, rows=False)) as connection:
        return ledger.unvalidated(connection)


_SIMULATED = (
    ("feedback", "SELECT count(*) FROM raw.feedback WHERE source_system = 'simulated'"),
    ("wallet surveys", "SELECT count(*) FROM raw.wallet_surveys WHERE source_system = 'simulated'"),
    ("contacts", "SELECT count(*) FROM raw.interactions WHERE source_system = 'simulated'"),
    ("unit costs", "SELECT count(*) FROM raw.products WHERE cost_source_system = 'simulated'"),
    ("staff", "SELECT count(*) FROM raw.employees WHERE source_system = 'simulated'"),
    (
        "account managers",
        "SELECT count(*) FROM raw.customers WHERE account_manager_employee_id IN "
        "(SELECT employee_id FROM raw.employees WHERE source_system = 'simulated')",
    ),
    (
        "consent and contact details",
        "SELECT count(*) FROM raw.customers WHERE source_system LIKE '%simulated%'",
    ),
    ("redemptions", "SELECT count(*) FROM raw.points_redemptions WHERE source_system = 'simulated'"),
)


def simulated_parts(settings: Settings) -> list[str]:
    """What of the loaded data says of itself that it is simulated; the summary names it."""
    with warehouse_lock(settings, "look", "look"), closing(connect(settings, read_only=True)) as connection:
        return [name for name, sql in _SIMULATED if _count(connection, sql)]


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    """None of what has no table yet: that of a new dataset comes with the first load after an upgrade."""
    try:
        return int((connection.execute(sql).fetchone() or (0,))[0])
    except duckdb.CatalogException:
        return 0


def held_datasets(settings: Settings, connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Rows, rejects and freshness per dataset; freshness counts from the newest business date of any dataset."""
    tables = {
        name
        for (name,) in connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'raw'"
        ).fetchall()
    }
    contracts = source_contracts(settings)
    found = []
    for name, contract in known_contracts(settings).items():
        if name not in tables:
            continue
        row = fetch_rows(
            connection,
            f"SELECT ? AS dataset, count(*) AS rows, max(partition_date) AS last_date, "
            f"(SELECT count(*) FROM quarantine.{ident(name)}) AS quarantined, "
            + "".join(
                f"(SELECT coalesce(sum({what}), 0)::BIGINT FROM ops.files "
                f"WHERE dataset = {literal(name)} AND status = 'loaded') AS {what}, "
                for what in ("rejected", "ignored")
            )
            + f"(SELECT count(*) FROM duplicates.{ident(name)}) AS duplicates "
            f"FROM raw.{ident(name)}",
            [name],
        )[0]
        row["quarantined"] -= row["rejected"]
        row["reused"] = count_reused(connection, contract)
        found.append(row)
    newest = max((r["last_date"] for r in found if r["last_date"]), default=None)
    for row in found:
        allowed = contracts[row["dataset"]].freshness_days if row["dataset"] in contracts else None
        row["days_behind"] = (newest - row["last_date"]).days if newest and row["last_date"] else None
        row["is_stale"] = (
            allowed is not None and row["days_behind"] is not None and row["days_behind"] > allowed
        )
    return found
