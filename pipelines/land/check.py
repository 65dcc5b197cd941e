"""Look at many landing files at once, and keep apart the ones that are refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
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


def check_files(
    connection: duckdb.DuckDBPyConnection, run_id: str, contract: SourceContract, files: Sequence[LandingFile]
) -> list[Inspected]:
    """The files, each looked at.

    Raises:
        FileRefusedError: some are refused; each is in the file ledger with its sentence, and all are looked at first.
        LandingError: some cannot be read, which may pass; noted in the same way.
    """
    good: list[Inspected] = []
    refused: list[tuple[LandingFile, str]] = []
    kind: type[LandingError] = LandingError
    with ThreadPoolExecutor() as pool:  # hashing and inflating leave Python's lock alone
        looked_at = [pool.submit(inspect, file, contract) for file in files]
    for file, future in zip(files, looked_at, strict=True):
        try:
            good.append(future.result())
        except LandingError as error:
            refused.append((file, str(error)))
            kind = FileRefusedError if isinstance(error, FileRefusedError) else kind
    if refused:
        ledger.record_refused(connection, run_id, contract, refused)
        more = f"\n  and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
        raise kind("\n  ".join(sentence for _, sentence in refused[:_SHOWN]) + more)
    return good
