"""The list of files the demo wrote, kept in the landing folder as `.mainstay-demo.json`."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from pipelines.errors import LandingError, LockedError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

NAME = ".mainstay-demo.json"


@dataclass
class Manifest:
    """What was written, with which fingerprint, and through which night each dataset is complete."""

    landing: Path
    fingerprint: str = ""
    complete: dict[str, date] = field(default_factory=dict)
    files: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    """Rows and bytes by path below the landing folder; bytes are None while the file may be half done."""

    @classmethod
    def read(cls, landing: Path) -> Manifest:
        """The landing folder's manifest, or an empty one."""
        path = landing / NAME
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                landing,
                content["fingerprint"],
                {name: date.fromisoformat(day) for name, day in content["complete"].items()},
                {file: (rows, size) for file, (rows, size) in content["files"].items()},
            )
        except FileNotFoundError:
            return cls(landing)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LandingError(
                f"{path}: not the demo's list of files ({error}); delete it and the demo's landing files, "
                "then run again"
            ) from error

    def is_current(self, fingerprint: str, file: str) -> bool:
        """Whether this very file, unchanged in size, lies in its place."""
        size = self.files.get(file, (0, None))[1]
        if fingerprint != self.fingerprint or size is None:
            return False
        path = self.landing / file
        return path.is_file() and path.stat().st_size == size

    def holds(self, fingerprint: str, datasets: Collection[str], last: date) -> bool:
        """Whether all files of these datasets up to the night `last` are there."""
        return all(self.complete.get(name, date.min) >= last for name in datasets) and all(
            self.is_current(fingerprint, file) for name in datasets for file in self._of(name, last)
        )

    def sums(self, dataset: str, last: date) -> tuple[int, int, int]:
        """Files, rows and bytes of a dataset up to the night `last`."""
        files = [self.files[file] for file in self._of(dataset, last)]
        return len(files), sum(rows for rows, _ in files), sum(size or 0 for _, size in files)

    def _of(self, dataset: str, last: date) -> list[str]:
        return [
            f
            for f in self.files
            if f.split("/")[0] == dataset and date.fromisoformat(f.split("/")[1]) <= last
        ]

    def start(self, fingerprint: str, planned: dict[str, int], datasets: Collection[str], last: date) -> None:
        """Put down what is about to be written, so that an interrupted call knows its own files.

        Files of another fingerprint that are planned no more, and were asked for, are removed: beside the
        new ones they would count twice.
        """
        for file in planned:
            if file not in self.files and (self.landing / file).exists():
                raise LandingError(
                    f"{self.landing / file}: exists, and the demo did not write it; move it away or set "
                    "MAINSTAY_LANDING_DIR to another folder"
                )
        if fingerprint != self.fingerprint:
            self.files = {file: (rows, None) for file, (rows, _) in self.files.items()}
            self.complete = {}
            self.fingerprint = fingerprint
        for file, (_, size) in list(self.files.items()):
            if size is None and file not in planned and file.split("/")[0] in datasets:
                (self.landing / file).unlink(missing_ok=True)
                del self.files[file]
        for name in datasets:
            if self.complete.get(name, date.max) <= last:
                del self.complete[name]
        for file, rows in planned.items():
            if not self.is_current(fingerprint, file):
                self.files[file] = (rows, None)
        self.save()

    def finish(self, datasets: Collection[str], last: date) -> None:
        """Put down that these datasets are complete through the night `last`."""
        self.complete |= {name: max(last, self.complete.get(name, last)) for name in datasets}
        self.save()

    def save(self) -> None:
        """Write the manifest, whole or not at all."""
        path = self.landing / NAME
        content = {
            "fingerprint": self.fingerprint,
            "complete": {name: day.isoformat() for name, day in sorted(self.complete.items())},
            "files": dict(sorted(self.files.items())),
        }
        part = path.with_name(NAME + ".part")
        part.write_text(json.dumps(content, indent=0), encoding="utf-8")
        part.replace(path)


@contextmanager
def writing(landing: Path) -> Iterator[Manifest]:
    """The manifest, for one writer at a time; saved also when writing fails, for what was done till then."""
    if not landing.exists():
        landing.mkdir(parents=True)
        landing.chmod(0o700)
    with (landing / (NAME + ".lock")).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(
                f"{landing}: another `mainstay demo` is writing here; wait until it has ended"
            ) from error
        manifest = Manifest.read(landing)
        try:
            yield manifest
        except BaseException:
            if manifest.fingerprint:
                manifest.save()
            raise
