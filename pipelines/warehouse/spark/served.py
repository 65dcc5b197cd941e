"""A Spark that is a server: whether anybody answers there, and of Spark Connect whether its catalogue is nobody else's."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipelines.errors import EngineError
from pipelines.showing import visible
from pipelines.warehouse.spark.catalogue import OWNER, databases
from pipelines.warehouse.spark.lake import Lake

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pipelines.settings import Settings

_CATALOGUE = "spark.sql.catalogImplementation"
_RETRIES = 5
"""Some twenty seconds. PySpark's own ten minutes are those of each statement, and a server that is new has lost the session."""
_ANSWER_SECONDS = 5.0
_PORTS = {"spark": 7077, "sc": 15002}
NO_OTHER = "sc://none/the-session-has-ended"
"""For SPARK_REMOTE: of a session that lives PySpark reads no more than that there is one, and this opens no other."""


def is_served(settings: Settings) -> bool:
    """Whether Spark is a server of Spark Connect, which has sessions of other programs too."""
    return settings.spark_master.startswith("sc://")


def nobody_answers(settings: Settings) -> str | None:
    """Where nobody does, in a sentence; None where somebody does, or where Spark is started here."""
    scheme, separator, rest = settings.spark_master.partition("://")
    if not separator or scheme not in _PORTS:
        return None
    silent = []
    for address in rest.partition("/")[0].split(","):
        parts = urlsplit(f"//{address}")
        place = (parts.hostname or "", parts.port or _PORTS[scheme])
        try:
            socket.create_connection(place, _ANSWER_SECONDS).close()
        except OSError as error:
            silent.append(f"{place[0]}:{place[1]} ({error.strerror or error})")
        else:
            return None  # one of several masters is enough
    return (
        f"nobody answers at {', '.join(silent)}; start Spark there, or mend MAINSTAY_SPARK_MASTER "
        f"({settings.spark_master}), a name or a firewall"
    )


def require_own_server(session: SparkSession, settings: Settings, asked: dict[str, str]) -> None:
    """Make sure that a server takes what it is asked for, and that its catalogue is nobody else's.

    Each command makes the databases anew that its tables are registered in. In a catalogue that lasts those would be somebody's
    tables; and of two deployments each would read the other's.

    Args:
        session: With the server, just opened.
        settings: The deployment.
        asked: The settings that the session was given.

    Raises:
        EngineError: it does not, or is; nothing was changed there.
    """
    from pyspark.sql.connect.client.retries import DefaultPolicy

    session.client.set_retry_policies([DefaultPolicy(max_retries=_RETRIES)])
    server = f"the server at {settings.spark_master}"
    for name, value in asked.items():
        if (have := session.conf.get(name, "")) != value:
            raise EngineError(
                f"{server} has {name}={have or '(not set)'} and takes no {value} from a session; start it with that, or leave it "
                "out of spark_conf where it stands there"
            )
    if (kind := session.conf.get(_CATALOGUE, "")) != "in-memory":
        raise EngineError(
            f"{server} keeps a catalogue ({_CATALOGUE} is {kind or 'not set'}), and Mainstay would replace databases in it; "
            f"start one of its own with {_CATALOGUE}=in-memory"
        )
    lake = Lake.of(settings)
    for name, comment in databases(session).items():
        if comment.startswith(OWNER) and comment != OWNER + lake.address():
            raise EngineError(
                f"the catalogue of {server} is of the lake {visible(comment.removeprefix(OWNER))}, and this deployment's is "
                f"{lake.address()}: each would read the other's tables. Start a server for each deployment; where the lake was "
                "moved, start this one anew"
            )
        if not comment.startswith(OWNER):
            raise EngineError(
                f"the catalogue of {server} has databases that are not Mainstay's, such as {visible(name)}, and those of the "
                "same names would be replaced; start a server of its own for each deployment"
            )
    _require_same_lake(session, lake, server)


def _require_same_lake(session: SparkSession, lake: Lake, server: str) -> None:
    """Two machines, or containers, may have different folders of one name."""
    mark = f"seen-{secrets.token_hex(4)}"  # a name that begins with a dot Spark would not read
    lake.write_text(mark, mark)
    try:
        seen = [row[0] for row in session.read.text(lake.address(mark)).collect()]
    except Exception as error:
        from pyspark.errors import AnalysisException

        if not isinstance(error, AnalysisException):
            raise
        seen = []
    finally:
        lake.remove_file(mark)
    if seen != [mark]:
        raise EngineError(
            f"{server} does not see what was just written to the lake {lake.root}; let it mount or reach the same one, under the "
            "same name"
        )
