"""A server of Spark Connect: its catalogue is of all its sessions, so it has to be one deployment's alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.errors import EngineError
from pipelines.showing import visible
from pipelines.warehouse.spark.catalogue import quoted, text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pipelines.settings import Settings

MARK = "mainstay"
"""A database without a table, whose comment names the lake that the catalogue's tables lie in."""
_CATALOGUE = "spark.sql.catalogImplementation"
_THERE_ALREADY = {"default", MARK}


def is_served(settings: Settings) -> bool:
    """Whether Spark is a server that other programs may use, too, and not this process's own."""
    return settings.spark_master.startswith("sc://")


def claim_catalogue(session: SparkSession, settings: Settings) -> None:
    """Make sure that a server's catalogue is this deployment's, and mark it so.

    Each command makes the databases anew that the tables are registered in. In a catalogue that lasts, those would be somebody's
    tables; and of two deployments each would read the other's.

    Raises:
        EngineError: it lasts longer than the server, or is not ours.
    """
    kind = session.conf.get(_CATALOGUE, "")
    if kind != "in-memory":
        raise EngineError(
            f"the server at {settings.spark_master} keeps a catalogue ({_CATALOGUE} is {kind or 'not set'}), and Mainstay would "
            f"replace databases in it; start a server of its own with {_CATALOGUE}=in-memory"
        )
    found = {row[0] for row in session.sql("SHOW DATABASES").collect()}
    if MARK not in found and (others := sorted(found - _THERE_ALREADY)):
        raise EngineError(
            f"the catalogue of the server at {settings.spark_master} has databases that are not Mainstay's, such as "
            f"{visible(others[0])}, and those of the same names would be replaced; start a server of its own for each deployment"
        )
    # The first of two that come at once makes it, and both see whose it is.
    session.sql(f"CREATE DATABASE IF NOT EXISTS {quoted(MARK)} COMMENT {text(settings.lake)}")
    said = {row[0]: row[1] for row in session.sql(f"DESCRIBE DATABASE {quoted(MARK)}").collect()}
    if (theirs := said.get("Comment")) != settings.lake:
        raise EngineError(
            f"the catalogue of the server at {settings.spark_master} is of the lake {visible(str(theirs))}, and this "
            f"deployment's is {settings.lake}: each would read the other's tables. Start a server for each deployment; where "
            "the lake was moved, start this one anew"
        )
