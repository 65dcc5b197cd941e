"""The object store that a lake may lie in: how Arrow, which lists and writes, and DuckDB, which reads, get at it.

Who may do what there says the environment, as AWS's own programs read it (AWS_ACCESS_KEY_ID and its like, AWS_REGION,
AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL), or ~/.aws, or the machine's role. Both ask for it themselves: no credential passes
through here, nor is one ever part of a file, a view or a sentence.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlencode, urlsplit

import duckdb

from pipelines.errors import EngineError
from pipelines.quoting import literal
from pipelines.showing import cut, visible

if TYPE_CHECKING:
    from pipelines.settings import Settings

_EXTENSIONS = ("httpfs", "aws")
"""DuckDB's: the one reads over HTTP, the other asks for credentials. Python packages bring them, so that nothing is fetched."""
_CREDENTIALS = ("s3_access_key_id", "s3_secret_access_key", "s3_session_token")
"""Settings into which the first of them copies what it finds in the environment, for any query to read."""
_REACHED = "s3_url_compatibility_mode"
"""A setting that these extensions have: addresses name one object, and no pattern, nor by a `?` another host."""
_WAYS_OUT = {
    "NO_SUCH_BUCKET": "there is no such bucket; make it, or mend MAINSTAY_LAKE_DIR",
    "INVALID_ACCESS_KEY_ID": "the store does not know who asks; mend AWS_ACCESS_KEY_ID",
    "SIGNATURE_DOES_NOT_MATCH": "the store does not believe who asks; mend AWS_SECRET_ACCESS_KEY, or the machine's clock",
    "ACCESS_DENIED": "the store lets nobody in without credentials, or with these; put them into the environment "
    "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), and let them list, read, write and delete below the address",
    "NETWORK_CONNECTION": "nobody answers there; mend AWS_ENDPOINT_URL, AWS_REGION or the network",
}
_NO_CONNECTOR = ("S3AFileSystem not found", "No FileSystem for scheme")
_ANSWER = re.compile(r"HTTP Error: .*?\((HTTP \d+[^)]*)\)|IO Error: (Could not [a-z ]*?) error for HTTP")
_WAY_OUT = "look at the address, at AWS_REGION and AWS_ENDPOINT_URL, and at what the credentials may do there"


def address_of(settings: Settings) -> str | None:
    """The lake's address in an object store, with a slash at its end; None where it is a folder, or there is none."""
    return f"{settings.lake}/" if settings.engine == "spark" and "://" in settings.lake else None


def files_of(address: str) -> tuple[Any, str]:
    """Arrow's file system, and the address as that names it.

    Raises:
        EngineError: the store cannot be found.
    """
    with store_errors(address):
        # Without a region Arrow asks AWS for that of the bucket.
        return _opened(address.rstrip("/"), _endpoint(), _named("AWS_REGION", "AWS_DEFAULT_REGION"))


def reach(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Let a connection read the lake where that lies in an object store, before `restrict` lets nothing be loaded any more.

    Raises:
        EngineError: a package with an extension is missing, or the store cannot be found.
    """
    address = address_of(settings)
    if address is None or _is_reached(connection):
        return
    endpoint = _endpoint()
    options = ["TYPE s3", "PROVIDER credential_chain", "VALIDATION 'none'", f"SCOPE {literal(address)}"]
    options.append("REFRESH auto")  # those of a role hold for an hour or less, and a build may take longer
    if region := files_of(address)[0].region:
        options.append(f"REGION {literal(region)}")
    if endpoint is not None:
        is_secure = str(endpoint.scheme == "https").lower()
        options += [f"ENDPOINT {literal(endpoint.netloc)}", "URL_STYLE 'path'", f"USE_SSL {is_secure}"]
    connection.execute("SET allow_persistent_secrets = false")  # whatever else this account may read
    for name in _EXTENSIONS:
        connection.execute(f"LOAD {literal(str(_file_of(name)))}")
    for name in _CREDENTIALS:
        connection.execute(f"SET GLOBAL {name} = NULL")
    connection.execute(f"CREATE OR REPLACE TEMPORARY SECRET lake ({', '.join(options)})")
    connection.execute(f"SET GLOBAL {_REACHED} = true")


@contextmanager
def store_errors(address: str) -> Iterator[None]:
    """Raise what Arrow says of a store as one sentence, with a way out.

    Raises:
        EngineError: the block has failed in the store.
    """
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError) as error:
        said = visible(cut(" ".join(str(error).partition(" (Request ID")[0].split()), 300))
        way = next((way for sign, way in _WAYS_OUT.items() if f"AWS Error {sign}" in said), _WAY_OUT)
        raise EngineError(f"MAINSTAY_LAKE_DIR: {address}: {way} ({said})") from error


def unread(settings: Settings, what: str) -> EngineError | None:
    """What DuckDB or Spark says means for a person, where it is that the store let them not read the lake."""
    if address_of(settings) is None:
        return None
    if any(sign in what for sign in _NO_CONNECTOR):
        why = "Spark has no connector for it. Name Hadoop's in spark_conf, as docs/spark.md says, or put its jars on Spark's path"
    elif (answer := _ANSWER.search(what)) and answer[1] != "HTTP 404 Not Found":
        why = f"{answer[1] or answer[2]}. Look with `mainstay doctor`"
    else:
        return None
    return EngineError(
        f"the lake {settings.lake} cannot be read: {why}, and run the same command again. BI keeps the last published night"
    )


def _is_reached(connection: duckdb.DuckDBPyConnection) -> bool:
    """Connections of a process to one file share what is loaded, and what is locked."""
    return (_REACHED, "true") in connection.execute("SELECT name, value FROM duckdb_settings()").fetchall()


def _endpoint() -> SplitResult | None:
    """Where the store is, if not at AWS."""
    value = _named("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in value or parts.path.strip("/"):
        raise EngineError(
            "AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL is no address such as https://HOST:PORT; mend it, or take it away "
            "where the lake lies at AWS"
        )
    return parts


def _named(*variables: str) -> str | None:
    """What the first of some variables of the environment says that says anything."""
    return next((value for name in variables if (value := os.environ.get(name))), None)


@cache
def _opened(address: str, endpoint: SplitResult | None, region: str | None) -> tuple[Any, str]:
    from pyarrow.fs import FileSystem

    options = {"allow_delayed_open": "true"}  # small files by one put
    if endpoint is not None:
        options |= {"scheme": endpoint.scheme, "endpoint_override": endpoint.netloc}
    if region is not None:
        options["region"] = region
    files, root = FileSystem.from_uri(f"{address}?{urlencode(options)}")
    return files, root


def _file_of(name: str) -> Path:
    """The file of one of DuckDB's extensions, as a Python package brings it.

    Raises:
        EngineError: the package is not there, or is for another version of DuckDB.
    """
    package = f"duckdb_extension_{name}"
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        file = Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if file.is_file():
            return file
    raise EngineError(
        f"MAINSTAY_LAKE_DIR is in an object store, and DuckDB's extension {name} for its version {duckdb.__version__} is "
        "not installed; install Mainstay with its extra `spark` (`make .venv/spark` in a checkout)"
    )
