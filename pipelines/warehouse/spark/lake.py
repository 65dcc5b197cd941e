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
from pipelines.warehouse.durable import sync_disk
from pipelines.warehouse.engine import LAKE_MARK, NO_ROWS
from pipelines.warehouse.rights import private_folder
from pipelines.warehouse.store import files_of, store_errors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelines.settings import Settings

_SPARKS_NAME = {"s3": "s3a"}
"""Schemes that Hadoop's file systems call otherwise than DuckDB and Arrow do."""
_MARKED = "Mainstay removes from this place what its manifest does not name.\n"
_LAKE_OF = "It is the lake of "


def _require_free(settings: Settings, folder: Path) -> None:
    """Make sure that a folder can become a lake: nothing else lies in it, nor is it among Mainstay's other folders."""
    here = folder.resolve()
    others = [path.resolve() for path in (settings.landing, settings.serving, settings.warehouse.parent)]
    if any(other == here or other in here.parents or here in other.parents for other in others):
        raise SettingsError(
            f"MAINSTAY_LAKE_DIR: {folder} is, holds or lies in another folder of the deployment, such as {settings.landing}; "
            "name a folder of its own"
        )
    if folder.is_dir() and any(path.name not in NO_ROWS for path in folder.iterdir()):
        raise _not_free(str(folder))


def _not_free(place: str) -> SettingsError:
    return SettingsError(
        f"MAINSTAY_LAKE_DIR: {place} holds files that are none of a lake's; name a new or empty place, as Mainstay removes "
        "from it what is not its own"
    )


@cache
def _claim_address(lake: Lake, mine: str) -> None:
    """Make sure that an address is this warehouse's lake, or can become it; a process asks the store once.

    Whether another's file is still there may not be seen from here, so its lake is taken over by hand alone.
    """
    names = lake.names()  # by a list, as of a single object a store that refuses does not say why
    if names and LAKE_MARK not in names:
        raise _not_free(lake.root)
    theirs = lake.read_text(LAKE_MARK).partition(_LAKE_OF)[2].rstrip("\n") if names else ""
    if theirs not in ("", mine):
        raise SettingsError(
            f"MAINSTAY_LAKE_DIR: {lake.root} is the lake of {theirs}, and this is {mine}: each would remove the rows of the "
            f"other. Name another address; where that one is used no more, put an empty object of the name {LAKE_MARK} there"
        )
    if not theirs:
        lake.write_text(LAKE_MARK, f"{_MARKED}{_LAKE_OF}{mine}\n")


def _claim(settings: Settings, mark: Path) -> None:
    """Write into a lake's mark whose it is; that of a warehouse that is there no more is taken over, as it was moved.

    Raises:
        SettingsError: it is another warehouse's, a copy of which this one may be: each would remove the other's rows.
    """
    mine = str(settings.warehouse)
    theirs = mark.read_text(encoding="utf-8").partition(_LAKE_OF)[2].rstrip("\n") if mark.exists() else ""
    if theirs == mine:
        return
    other = Path(theirs)
    if theirs and other.exists() and not (settings.warehouse.exists() and other.samefile(mine)):
        raise SettingsError(
            f"MAINSTAY_LAKE_DIR: {mark.parent} is the lake of {theirs}, and each would remove the rows of the other; name a "
            "folder of its own, with a copy of the lake where this is a copy of that deployment. Where that one is used no "
            "more, move its file away"
        )
    mark.write_text(f"{_MARKED}{_LAKE_OF}{mine}\n", encoding="utf-8")


def _require_one_name(settings: Settings, folder: Path) -> None:
    """Make sure that Spark's machines can be told of a folder by its name: the link that stands for it is on this one alone."""
    if plain(folder) != folder and not settings.spark_master.startswith("local"):
        raise SettingsError(
            f"MAINSTAY_LAKE_DIR: {folder} has signs in its name that Spark takes for more than a name, and the workers at "
            f"{settings.spark_master} could not be told of it; name a folder of letters, digits, blanks and ./@+=,()-"
        )


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
        if "://" in settings.lake:
            lake = cls(settings.lake)
            _claim_address(lake, str(settings.warehouse))
            return lake
        folder = Path(settings.lake)
        _require_one_name(settings, folder)
        mark = folder / LAKE_MARK
        if not mark.exists():
            _require_free(settings, folder)
            private_folder(settings, folder)
        _claim(settings, mark)
        return cls(str(private_folder(settings, folder)))

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
        scratch = self.folder / f".{relative}.{secrets.token_hex(4)}"
        with scratch.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(self.folder / relative)

    def read_text(self, relative: str) -> str:
        """What a file holds."""
        with self._files() as (files, root), files.open_input_stream(f"{root}/{relative}") as stream:
            return str(stream.read(), "utf-8")

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
