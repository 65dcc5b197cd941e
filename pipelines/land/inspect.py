"""Look at a landing file before it is loaded: is it whole, readable, and of its contract's shape?

A file that is not is refused with one sentence that names the file, what was expected and what was found.
"""

from __future__ import annotations

import stat
from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines.errors import LandingError
from pipelines.land.control import read_control
from pipelines.land.inspected import Inspected, refuse
from pipelines.land.opening import signature
from pipelines.land.parquet import inspect_parquet
from pipelines.land.text import inspect_text

if TYPE_CHECKING:
    from pipelines.contracts import LandingFile, SourceContract


def inspect(file: LandingFile, contract: SourceContract) -> Inspected:
    """Check one file against its contract.

    Raises:
        LandingError: the file is refused: empty, truncated, undecodable, or of another format, header or schema.
    """
    try:
        status = file.path.stat()
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            raise refuse(
                file.path,
                f"a {contract.format} file",
                "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file",
            )
        if size == 0:
            raise refuse(file.path, f"a {contract.format} file", "an empty file (0 bytes)")
        # Noted before the file is read: a change from here on is one that the look may have missed.
        seen = signature(file.path)
        look = inspect_parquet if contract.format == "parquet" else inspect_text
        return replace(look(file, contract, size), signature=seen, control=read_control(file.path, contract))
    except OSError as error:
        raise LandingError(
            f"{file.path}: cannot be read: {error.strerror or error}; check the file and its rights"
        ) from error
