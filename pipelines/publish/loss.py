"""Keeps a warehouse that was begun anew from taking away what BI sees.

A warehouse that was lost starts empty, and the next scheduled night loads its own date alone. Published, that
would leave BI with one day. So as long as a warehouse has not published anything, what it publishes must hold
at least as many transactions as are served; afterwards corrections may well lower their number.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from pipelines.errors import PublishError
from pipelines.publish.catalog import current
from pipelines.warehouse import ledger
from pipelines.warehouse.connection import connect
from pipelines.warehouse.lock import warehouse_lock

if TYPE_CHECKING:
    import duckdb

    from pipelines.settings import Settings

FACTS = "fct_transactions"


def require_no_loss(settings: Settings, *, accept_loss: bool = False) -> int:
    """How many of the served transactions a warehouse that never published lacks; 0 for any other.

    Args:
        settings: The deployment.
        accept_loss: Return the number instead of refusing.

    Raises:
        PublishError: it lacks some, or what is served cannot be read.
    """
    served = current(settings)
    if served is None or FACTS not in served.tables:
        return 0
    with warehouse_lock(settings, "look", "look"), closing(connect(settings)) as connection:
        connection.execute(ledger.DDL)
        if _has_published(connection):
            return 0
        built = _transactions(connection, served.as_of_date.isoformat())
    before = served.tables[FACTS].row_count
    lost = max(before - built, 0)
    if lost and not accept_loss:
        raise PublishError(
            f"this warehouse is new and holds {built:,} transactions up to {served.as_of_date}, where BI is served "
            f"{before:,}: {lost:,} would be lost, so BI keeps what it has. Run `mainstay rebuild`, which loads all "
            "landed dates; if landing files were removed, bring them back, or accept the loss with "
            "`mainstay rebuild --accept-loss`"
        )
    return lost


def _has_published(connection: duckdb.DuckDBPyConnection) -> bool:
    return bool(
        connection.execute(
            "SELECT 1 FROM ops.steps WHERE step = 'publish' AND status = 'success' LIMIT 1"
        ).fetchall()
    )


def _transactions(connection: duckdb.DuckDBPyConnection, until: str) -> int:
    """Transactions in the built marts up to a business date; none where they are not built."""
    exists = connection.execute(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = 'marts' AND table_name = ?", [FACTS]
    ).fetchall()
    if not exists:
        return 0
    (count,) = connection.execute(
        f"SELECT count(*) FROM marts.{FACTS} WHERE business_date <= cast(? AS DATE)", [until]
    ).fetchall()[0]
    return int(count)
