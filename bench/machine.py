"""The machine and the versions that were measured on; no names of hosts or folders."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine() -> dict[str, str]:
    """Cores, memory, system and versions."""
    cores = len(os.sched_getaffinity(0))
    packages = ("duckdb", "dbt-core", "dbt-duckdb", "great-expectations", "apache-airflow", "pyarrow")
    return {
        "processor": f"{cores} cores ({_field('/proc/cpuinfo', 'model name') or platform.machine()})",
        "memory": f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.1f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def _field(path: str, name: str) -> str:
    """The value of the first line `name: value`; empty where there is none."""
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return ""
