"""What of the caller's environment reaches dbt, Airflow, Great Expectations and Python: no setting of theirs.

A `DBT_TARGET` of another project, or an `AIRFLOW__CORE__EXECUTOR` of another Airflow, would change what a night does. What
Mainstay needs of theirs it sets itself; what a deployment may choose has a `MAINSTAY_` name. Passed on are the connections
and variables that a person gives Airflow, `DBT_ENV_…`, which dbt leaves to models, and what a receiver of
OpenLineage events asks for beside its address.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_FOREIGN = ("DBT_", "AIRFLOW_", "_AIRFLOW_", "GX_", "GE_", "DUCKDB_", "OPENLINEAGE_")
_PASSED_ON = (
    *("DBT_ENV_", "AIRFLOW_CONN_", "AIRFLOW_VAR_"),
    *("OPENLINEAGE_API_KEY", "OPENLINEAGE_NAMESPACE"),
)
_OF_PYTHON = (
    "PYTHONINSPECT",  # would wait for input at the end of a night
    "PYTHONIOENCODING",  # logs are UTF-8
    "PYTHONOPTIMIZE",  # takes assertions out of libraries
    "PYTHONSTARTUP",
    "PYTHONWARNINGS",  # "error" would end Airflow
)


def is_foreign(name: str) -> bool:
    """Whether a variable is a setting of a tool that Mainstay runs, and not Mainstay's to pass on."""
    return name in _OF_PYTHON or (name.startswith(_FOREIGN) and not name.startswith(_PASSED_ON))


def shielded() -> dict[str, str]:
    """The caller's environment without what is foreign: for processes that are started."""
    return {name: value for name, value in os.environ.items() if not is_foreign(name)}


def past_proxies(*own_hosts: str) -> dict[str, str]:
    """Variables by which a process reaches this machine without a proxy, which could not reach it for us.

    Under both of its names, as programs read the one or the other. Hosts that the caller exempts already stay exempt.

    Args:
        own_hosts: Further names and addresses of this machine.
    """
    named = [os.environ.get(name) for name in ("no_proxy", "NO_PROXY")]
    hosts = [host.strip() for text in named if text for host in text.split(",")]
    value = ",".join(dict.fromkeys(filter(None, [*hosts, "127.0.0.1", "localhost", *own_hosts])))
    if "*" in hosts:  # no proxy at all, which most programs know by this text alone
        value = "*"
    return {"no_proxy": value, "NO_PROXY": value}


@contextmanager
def surroundings(values: Mapping[str, str], without: tuple[str, ...]) -> Iterator[None]:
    """This process's environment with `values`, for the time of a block.

    Args:
        values: What to set.
        without: Beginnings of the names of one tool's variables. No other tool's: its threads may be reading theirs.
    """
    before = dict(os.environ)
    for name in before:
        if name.startswith(without) and is_foreign(name):
            del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        for name in {*before, *values}:
            if name in before:
                os.environ[name] = before[name]
            else:
                os.environ.pop(name, None)
