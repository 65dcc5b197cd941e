"""A BI tool that reads while runs are publishing. A program of its own: it knows DuckDB and the serving folder alone.

`python reader.py KIND SERVING_FOLDER STOP_FILE` reads until the stop file is there and prints what it saw as JSON.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import duckdb

TABLES_A_PASS = 4
PAUSE_SECONDS = 1.0
SWAPS_TO_OUTLIVE = 2


class Seen:
    """What this reader saw: versions in the order in which they came, and what went wrong."""

    def __init__(self) -> None:
        self.queries = 0
        self.versions: list[str] = []
        self.errors: list[str] = []
        self.most_swaps_outlived = 0

    def check(
        self, connection: duckdb.DuckDBPyConnection, relation: Callable[[str], str], tables: int
    ) -> str:
        """Read the night's description and some of its tables, all of which must be that night's; gives the version."""
        published = self._query(
            connection,
            "select table_name, row_count, fingerprint, version, run_id, as_of_date, content "
            f"from {relation('_publish')} order by table_name",
        )
        nights = {row[3:] for row in published}
        if len(nights) != 1:
            self.errors.append(f"_publish names {len(nights)} nights: {nights}")
        version = str(published[0][3])
        for table, row_count, fingerprint, *_ in random.sample(published, tables or len(published)):
            found = self._fingerprint(connection, relation(table))
            if found != fingerprint or not found.startswith(f"{row_count}-"):
                self.errors.append(
                    f"{table} of {version}: {found}, described as {fingerprint}, {row_count} rows"
                )
        if not self.versions or self.versions[-1] != version:
            self.versions.append(version)
        return version

    def _fingerprint(self, connection: duckdb.DuckDBPyConnection, relation: str) -> str:
        names = [row[0] for row in self._query(connection, f"describe from {relation}")]
        columns = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
        ((count, xor, total),) = self._query(
            connection,
            "select count(*), coalesce(bit_xor(h), 0), coalesce(sum(h), 0) "
            f"from (select hash({columns}) as h from {relation})",
        )
        return f"{count}-{int(xor):016x}-{int(total):x}"

    def _query(self, connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[object, ...]]:
        self.queries += 1
        return connection.execute(sql).fetchall()


def quoted(table: str) -> str:
    return '"' + table.replace('"', '""') + '"'


def parquet(folder: Path, table: str) -> str:
    return f"read_parquet('{folder / table}.parquet')"


def open_each_time(serving: Path, seen: Seen) -> Iterator[None]:
    """A new connection for each look."""
    while True:
        with duckdb.connect(
            str(serving / "marts.duckdb"), read_only=True, config={"threads": 1}
        ) as connection:
            seen.check(connection, quoted, TABLES_A_PASS)
        yield


def keep_open(serving: Path, seen: Seen) -> Iterator[None]:
    """A connection that is kept while other nights are swapped in: it goes on with its own."""
    served = serving / "marts.duckdb"
    while True:
        with duckdb.connect(str(served), read_only=True, config={"threads": 1}) as connection:
            first = seen.check(connection, quoted, 0)
            file, swaps = served.stat().st_ino, 0
            while swaps < SWAPS_TO_OUTLIVE:
                yield
                if served.stat().st_ino != file:
                    file, swaps = served.stat().st_ino, swaps + 1
                if (now := seen.check(connection, quoted, TABLES_A_PASS)) != first:
                    seen.errors.append(f"a connection to {first} shows {now}")
                seen.most_swaps_outlived = max(seen.most_swaps_outlived, swaps)


def read_parquet(serving: Path, seen: Seen) -> Iterator[None]:
    """The folder of Parquet files, its pointer followed once for each look."""
    with duckdb.connect(config={"threads": 1}) as connection:
        while True:
            folder = (serving / "parquet" / "current").resolve(strict=True)
            if (version := seen.check(connection, partial(parquet, folder), TABLES_A_PASS)) != folder.name:
                seen.errors.append(f"the folder {folder.name} holds {version}")
            yield


KINDS = {"open_each_time": open_each_time, "keep_open": keep_open, "read_parquet": read_parquet}


def main(kind: str, serving: Path, stop: Path) -> None:
    """Read until the stop file is there, and once more."""
    seen, is_last = Seen(), False
    looks = KINDS[kind](serving, seen)
    print("reading", flush=True)
    while not is_last:
        is_last = stop.exists()
        try:
            next(looks)
        except (duckdb.Error, OSError) as error:
            seen.errors.append(f"{type(error).__name__}: {error}")
            looks = KINDS[kind](serving, seen)
        time.sleep(PAUSE_SECONDS)
    print(json.dumps(vars(seen)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
