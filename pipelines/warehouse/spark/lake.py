"""The lake: where Spark writes. A folder that every worker sees, or an address in an object store."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import SettingsError
from pipelines.paths import plain
from pipelines.warehouse.engine import LAKE_MARK
from pipelines.warehouse.rights import private_folder
from pipelines.warehouse.store import files_of, store_errors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelines.settings import Settings

_SPARKS_NAME = {"s3": "s3a"}
"""Schemes that Hadoop's file systems call otherwise than DuckDB and Arrow do."""
_MARKED = "Mainstay removes from this place what its manifest does not name.\n"


def _require_free(settings: Settings, folder: Path) -> None:
    """Make sure that a folder can become a lake: nothing else lies in it, nor is it among Mainstay's other folders."""
    here = folder.resolve()
    others = [path.resolve() for path in (settings.landing, settings.serving, settings.warehouse.parent)]
    if any(other == here or other in here.parents or here in other.parents for other in others):
        raise SettingsError(
            f"MAINSTAY_LAKE_DIR: {folder} is, holds or lies in another folder of the deployment, such as {settings.landing}; "
            "name a folder of its own"
        )
    if folder.is_dir() and any(folder.iterdir()):
        raise _not_free(str(folder))


def _not_free(place: str) -> SettingsError:
    return SettingsError(
        f"MAINSTAY_LAKE_DIR: {place} holds files that are none of a lake's; name a new or empty place, as Mainstay removes "
        "from it what is not its own"
    )


@cache
def _require_marked(lake: Lake) -> None:
    """Make sure that an address is a lake's, or can become one; a process asks the store once."""
    names = lake.names()  # by a list, as of a single object a store that refuses does not say why
    if LAKE_MARK not in names:
        if names:
            raise _not_free(lake.root)
        lake.write_text(LAKE_MARK, _MARKED)


@dataclass(frozen=True)
class Lake:
    """A lake by its root; what lies in it is named relative to that."""

    root: str

    @classmethod
    def of(cls, settings: Settings) -> Lake:
        """The deployment's; a folder is made, for the owner alone.

        Raises:
            EngineError: the object store cannot be reached, or lets us not.
            SettingsError: the place is for something else: what no entry names is removed from a lake.
        """
        if "://" in settings.lake:
            lake = cls(settings.lake)
            _require_marked(lake)
            return lake
        folder = Path(settings.lake)
        mark = folder / LAKE_MARK
        if not mark.exists():
            _require_free(settings, folder)
            private_folder(settings, folder)
            mark.write_text(_MARKED, encoding="utf-8")
        return cls(str(plain(private_folder(settings, folder))))

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
        # A folder as it is spelt: Hadoop would take an encoded blank for a percent sign.
        root = f"{_SPARKS_NAME.get(scheme, scheme)}://{rest}" if separator else f"file://{self.root}"
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
        """A new file of the lake, open for writing; in a folder it survives a power cut from the end of the block on."""
        if self.folder is None:
            with self._files() as (files, root), files.open_output_stream(f"{root}/{relative}") as stream:
                yield stream
            return
        path = self.folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())

    def write_json(self, relative: str, content: object) -> None:
        """Write a file that readers see whole, old or new."""
        self.write_text(relative, json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n")

    def write_text(self, relative: str, text: str) -> None:
        """Write a file that readers see whole, old or new: by a rename in a folder, by one put in an object store."""
        if self.folder is None:
            with self.writing(relative) as stream:
                stream.write(text.encode())
            return
        scratch = self.folder / f".{relative}.{secrets.token_hex(4)}"
        with scratch.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(self.folder / relative)

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
