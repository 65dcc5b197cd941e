"""Whose a lake is: its mark names the warehouse that it belongs to, as what that does not name is removed from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import SettingsError
from pipelines.paths import plain
from pipelines.showing import visible
from pipelines.warehouse.engine import LAKE_MARK, NO_ROWS

if TYPE_CHECKING:
    from pipelines.settings import Settings

_NOTE = "Mainstay removes from this place what its manifest does not name"


def mark_of(root: str, warehouse: Path) -> str:
    """The text of the mark of a lake, by its root, that belongs to a warehouse."""
    return json.dumps({"note": _NOTE, "warehouse": str(warehouse), "lake": root}, indent=1) + "\n"


def other_owner(mark: str, root: str, warehouse: Path) -> str | None:
    """The other warehouse that a lake belongs to by its mark; None where it is this one's, or nobody's who is there."""
    try:
        said = json.loads(mark)
        theirs, place = str(said["warehouse"]), str(said["lake"])
    except (ValueError, LookupError, TypeError):  # an empty one, or what a kill has left of one
        return None
    if theirs == str(warehouse):
        return None
    try:
        # A mark that names another place was copied with its lake; a warehouse that is gone was moved, to here perhaps.
        if _is_elsewhere(place, root) or not Path(theirs).exists():
            return None
        return None if warehouse.exists() and warehouse.samefile(theirs) else theirs
    except PermissionError:  # below a folder of another account, which may well use it
        return theirs


def _is_elsewhere(place: str, root: str) -> bool:
    """Whether a place that is there is another than the lake."""
    if "://" in place or "://" in root:
        return place != root
    return Path(place).exists() and not Path(place).samefile(root)


def require_ours(mark: str, root: str, warehouse: Path) -> None:
    """Make sure that a lake is not another warehouse's, a copy of which this one may be.

    Raises:
        SettingsError: it is.
    """
    theirs = other_owner(mark, root, warehouse)
    if theirs is not None:
        raise SettingsError(
            f"MAINSTAY_LAKE_DIR: {root} is the lake of {visible(theirs)}, and each would remove the rows of the other; name "
            "a place of its own, with a copy of the lake where this is a copy of that deployment. Where that one uses it no "
            f"more, put an empty file in the place of {root}/{LAKE_MARK}"
        )


def require_fit(settings: Settings, folder: Path) -> None:
    """Make sure that a folder is a lake, or can become one, and that Spark's machines can be told of it.

    Raises:
        SettingsError: it is for something else, or has no such name.
    """
    _require_no_partition(folder)
    _require_one_name(settings, folder)
    if not (folder / LAKE_MARK).exists():
        _require_free(settings, folder)


def not_free(place: str) -> SettingsError:
    """The error for a place that is for something else."""
    return SettingsError(
        f"MAINSTAY_LAKE_DIR: {place} holds files that are none of a lake's; name a new or empty place, as Mainstay removes "
        "from it what is not its own"
    )


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
        raise not_free(str(folder))


def _require_no_partition(folder: Path) -> None:
    """Make sure that no part of the path is read as a partition's value: DuckDB takes it for that of a column of its name."""
    for part in folder.parts:
        if "=" in part:
            raise SettingsError(
                f"MAINSTAY_LAKE_DIR: {folder} has the part {visible(part)}, which readers of Parquet take for a partition, "
                "and its value for that of a column; name a folder without =. If rows lie there already, move it, "
                "and say where it is: nothing else has to change"
            )


def _require_one_name(settings: Settings, folder: Path) -> None:
    """Make sure that Spark's machines can be told of a folder by its name: the link that stands for it is on this one alone."""
    if plain(folder) != folder and not settings.spark_master.startswith("local"):
        raise SettingsError(
            f"MAINSTAY_LAKE_DIR: {folder} has signs in its name that Spark takes for more than a name, and the workers at "
            f"{settings.spark_master} could not be told of it; name a folder of letters, digits, blanks and ./@+,()-"
        )
