"""Look at many landing files at once, and keep apart the ones that are refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import TYPE_CHECKING

from pipelines.errors import FileRefusedError, LandingError
from pipelines.land.inspect import inspect
from pipelines.land.inspected import Inspected
from pipelines.warehouse import ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from pipelines.contracts import LandingFile, SourceContract

_SHOWN = 5


def look_at(file: LandingFile, contract: SourceContract) -> Inspected | LandingError:
    """What a look at a file finds, or why it is refused."""
    try:
        return inspect(file, contract)
    except LandingError as error:
        return error


def check_files(
    connection: duckdb.DuckDBPyConnection, run_id: str, contract: SourceContract, files: Sequence[LandingFile]
) -> list[Inspected]:
    """The files, each looked at.

    Raises:
        FileRefusedError: some are refused; each is in the file ledger with its sentence, and all are looked at first.
        LandingError: some cannot be read, which may pass; noted in the same way.
    """
    with ThreadPoolExecutor() as pool:  # hashing and inflating leave Python's lock alone
        looked_at = list(pool.map(look_at, files, repeat(contract)))
    refused = [
        (file, found) for file, found in zip(files, looked_at, strict=True) if isinstance(found, LandingError)
    ]
    require_none_refused(connection, run_id, contract, refused)
    return [found for found in looked_at if isinstance(found, Inspected)]


def require_none_refused(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    contract: SourceContract,
    refused: Sequence[tuple[LandingFile, LandingError]],
) -> None:
    """Note refused files in the ledger, each with its sentence, and stop if there are any.

    Raises:
        FileRefusedError, LandingError: see `check_files`.
    """
    if not refused:
        return
    sentences = [(file, str(error)) for file, error in refused]
    ledger.record_refused(connection, run_id, contract, sentences)
    is_final = any(isinstance(error, FileRefusedError) for _, error in refused)
    more = f"\n  and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
    text = "\n  ".join(sentence for _, sentence in sentences[:_SHOWN]) + more
    raise FileRefusedError(text) if is_final else LandingError(text)
