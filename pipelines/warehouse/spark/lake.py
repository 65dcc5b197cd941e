"""The lake: where Spark writes. A folder that every worker sees, or an address in an object store."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.paths import plain
from pipelines.warehouse.durable import sync_disk
from pipelines.warehouse.engine import LAKE_MARK
from pipelines.warehouse.rights import private_folder
from pipelines.warehouse.spark.claim import mark_of, not_free, require_fit, require_ours
from pipelines.warehouse.store import files_of, store_errors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelines.settings import Settings

_SPARKS_NAME = {"s3": "s3a"}
"""Schemes that Hadoop's file systems call otherwise than DuckDB and Arrow do."""


@dataclass(frozen=True)
class Lake:
    """A lake by its root; what lies in it is named relative to that."""

    root: str

    @classmethod
    def of(cls, settings: Settings) -> Lake:
        """The deployment's; a folder is made, for the owner alone.

        Raises:
            EngineError: the object store cannot be reached, or lets us not.
            SettingsError: the place is for something else: what no entry names is removed from a lake; or it is another
                warehouse's; or it has no name that a cluster can be told.
        """
        lake = cls(settings.lake)
        if lake.folder is None:
            _claim_address(lake, settings.warehouse)
        else:
            require_fit(settings, lake.folder)
            private_folder(settings, lake.folder)
            lake.claim(settings.warehouse)
        return lake

    def claim(self, warehouse: Path) -> None:
        """Write into the mark whose lake it is.

        Raises:
            SettingsError: it is another warehouse's.
        """
        said, mark = self.read_text(LAKE_MARK), mark_of(self.root, warehouse)
        if said == mark:
            return
        require_ours(said, self.root, warehouse)
        if self.folder is None:
            self.write_text(LAKE_MARK, mark)
        else:  # in its place: whatever a kill leaves of it is a mark
            (self.folder / LAKE_MARK).write_text(mark, encoding="utf-8")

    @property
    def folder(self) -> Path | None:
        """The lake as a folder; None for an address."""
        return None if "://" in self.root else Path(self.root)

    def path(self, relative: str) -> str:
        """Where DuckDB and Arrow find it."""
        return f"{self.root}/{relative}"

    def address(self, relative: str = "") -> str:
        """Where Spark finds it."""
        scheme, separator, rest = self.root.partition("://")
        # A folder as it is spelt, by a plain name: Hadoop would take an encoded blank for a percent sign.
        root = (
            f"{_SPARKS_NAME.get(scheme, scheme)}://{rest}"
            if separator
            else f"file://{plain(Path(self.root))}"
        )
        return f"{root}/{relative}" if relative else root

    @contextmanager
    def _files(self) -> Iterator[tuple[Any, str]]:
        """Arrow's file system, and the root as it names it.

        Raises:
            EngineError: the store cannot be reached, or lets us not.
        """
        if self.folder is not None:
            from pyarrow.fs import LocalFileSystem

            yield LocalFileSystem(), self.root
            return
        with store_errors(self.root):
            yield files_of(self.root)

    @contextmanager
    def writing(self, relative: str) -> Iterator[Any]:
        """A new file of the lake, open for writing."""
        if self.folder is None:
            with self._files() as (files, root), files.open_output_stream(f"{root}/{relative}") as stream:
                yield stream
            return
        path = self.folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())  # here, as another machine may commit it

    def sync(self) -> None:
        """Before a commit that names new folders: what this machine has written survives a power cut, Spark's files too.

        Where workers are other machines the folder is a network's, which has what a file held when it was closed.
        """
        if self.folder is not None:
            sync_disk(self.folder)

    def write_json(self, relative: str, content: object) -> None:
        """Write a file that readers see whole, old or new."""
        self.write_text(relative, json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n")

    def write_text(self, relative: str, text: str) -> None:
        """Write a file that readers see whole, old or new: by a rename in a folder, by one put in an object store."""
        if self.folder is None:
            with self.writing(relative) as stream:
                stream.write(text.encode())
            return
        scratch = (
            self.folder / f".{relative}.tmp"
        )  # always the same: what a kill leaves, the next one overwrites
        with scratch.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(self.folder / relative)

    def read_text(self, relative: str) -> str:
        """What a file holds; nothing where it is not there."""
        if self.folder is not None:
            path = self.folder / relative
            return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        if not self.has_file(relative):
            return ""
        with self._files() as (files, root), files.open_input_stream(f"{root}/{relative}") as stream:
            return str(stream.read(), "utf-8", "replace")

    def has_file(self, relative: str) -> bool:
        """Whether there is a file of that name."""
        from pyarrow.fs import FileType

        with self._files() as (files, root):
            return bool(files.get_file_info(f"{root}/{relative}").type == FileType.File)

    def remove_file(self, relative: str) -> None:
        """Take a file away, whether or not it is there."""
        if self.has_file(relative):
            with self._files() as (files, root):
                files.delete_file(f"{root}/{relative}")

    def make(self, relative: str) -> None:
        """Make sure that a folder is there, also without a file; an object store has no folders."""
        if self.folder is not None:
            (self.folder / relative).mkdir(parents=True, exist_ok=True)

    def names(self) -> set[str]:
        """What lies in the lake itself, files and folders."""
        return {path for path, _ in self._inside("")}

    def below(self, relative: str, depth: int) -> list[str]:
        """Folders that many levels below one, relative to the lake; none where that one is not there."""
        from pyarrow.fs import FileType

        found = [relative]
        for _ in range(depth):
            inside = [info for name in found for info in self._inside(name)]
            found = [path for path, type_ in inside if type_ == FileType.Directory]
        return sorted(found)

    def files(self, relative: str) -> list[str]:
        """All files below a folder at whatever depth, relative to the lake and in order; none where it is not there."""
        from pyarrow.fs import FileType

        inside = self._inside(relative, recursive=True)
        return sorted(path for path, type_ in inside if type_ == FileType.File)

    def _inside(self, relative: str, *, recursive: bool = False) -> list[tuple[str, Any]]:
        from pyarrow.fs import FileSelector

        with self._files() as (files, root):
            above = f"{root}/{relative}".rstrip("/")
            found = files.get_file_info(FileSelector(above, allow_not_found=True, recursive=recursive))
        return [(info.path.removeprefix(root).lstrip("/"), info.type) for info in found]

    def remove(self, relatives: Iterable[str]) -> None:
        """Take folders away, whether or not they are there."""
        from pyarrow.fs import FileType

        with self._files() as (files, root):
            for relative in relatives:
                if files.get_file_info(f"{root}/{relative}").type == FileType.Directory:
                    files.delete_dir(f"{root}/{relative}")
                    self._remove_empty_above(relative)

    def _remove_empty_above(self, relative: str) -> None:
        """In a folder names stay that hold nothing: of dates, tables and commands that are no more."""
        if self.folder is None:
            return
        for name in Path(relative).parents[:-1]:
            try:
                (self.folder / name).rmdir()
            except OSError:
                return  # something else lies there


@cache
def _claim_address(lake: Lake, warehouse: Path) -> None:
    """Make sure that an address is a lake's, or can become one, and claim it; a process asks the store once."""
    names = lake.names()  # by a list, as of a single object a store that refuses does not say why
    if names and LAKE_MARK not in names:
        raise not_free(lake.root)
    lake.claim(warehouse)
