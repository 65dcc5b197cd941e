"""What can be wrong with a source contract's settings; what can be wrong with the SQL in it is `sql`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.contracts.columns import problem
from pipelines.contracts.parts import FILE_COLUMNS, LOAD_COLUMNS, SET_ASIDE_AS, RowRule

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.contracts.model import SourceContract


def check_properties(contract: SourceContract) -> None:
    """The contract-level settings: known names and values of their type."""
    path, properties = contract.path, contract.properties
    kinds: dict[str, tuple[type[Any] | tuple[type[Any], ...], str]] = {
        "obligatory": (bool, "true or false"),
        "toleratedRejectRate": ((int, float), "a share from 0 to 1"),
        "toleratedKeyReuseRate": ((int, float), "a share from 0 to 1"),
        "businessTime": (str, "a column's name"),
        "futureToleranceDays": (int, "a whole number of days"),
        **dict.fromkeys(SET_ASIDE_AS, (list, "a list of conditions, each with a name")),
        "controlTotals": (bool, "true or false"),
        "unusualVolume": ((int, float), "a share from 0 to 1"),
        "unusualVolumeStops": (bool, "true or false"),
        "ignoreColumns": (list, "a list of the files' column names"),
    }
    for name, value in properties.items():
        if name not in kinds:
            raise problem(
                path, f"customProperties.{name}", "unknown setting", f"use one of {', '.join(kinds)}"
            )
        kind, meant = kinds[name]
        if value is not None and (
            not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
        ):
            raise problem(path, f"customProperties.{name}", f"{value!r} is not {meant}", f"give {meant}")
    for name, share in (
        ("toleratedRejectRate", contract.tolerated_reject_rate),
        ("toleratedKeyReuseRate", contract.tolerated_key_reuse_rate),
        ("unusualVolume", contract.unusual_volume),
    ):
        if share is not None and not 0 <= share <= 1:
            raise problem(path, f"customProperties.{name}", f"{share} is no share", "use 0 to 1")
    if contract.future_tolerance_days < 0:
        raise problem(
            path,
            "customProperties.futureToleranceDays",
            f"{contract.future_tolerance_days} days",
            "use 0 or more",
        )
    _check_ignored(contract)
    for column in contract.columns:
        if column.name in LOAD_COLUMNS or column.name in FILE_COLUMNS:
            raise problem(
                path,
                f"column {column.name}",
                "the name is Mainstay's own",
                "choose another; physicalName keeps the source's",
            )
    time = contract.business_time
    if time is None:
        return
    if time not in {c.name for c in contract.columns}:
        raise problem(
            path, "customProperties.businessTime", f"no column {time!r}", "name a DATE or TIMESTAMP column"
        )
    if contract.column(time).type not in ("DATE", "TIMESTAMP"):
        raise problem(
            path,
            "customProperties.businessTime",
            f"{time} is {contract.column(time).type}",
            "name a DATE or TIMESTAMP column",
        )
    if not contract.column(time).required:
        raise problem(
            path, f"column {time}", "it gives the business date but may be empty", "set required: true"
        )


def check_csv_shape(contract: SourceContract) -> None:
    """What only a CSV file can have, and columns named by their place that the file then must have."""
    dialect, path = contract.dialect, contract.path
    if contract.format != "csv":
        for name, value in (
            ("escape", dialect.escape),
            ("skipLines", dialect.skip_lines),
            ("skipLastLines", dialect.skip_last_lines),
            ("columns", dialect.columns),
        ):
            if value:
                raise problem(path, f"servers.{name}", f"a {contract.format} file has none", "take it out")
    elif dialect.columns:
        missing = [c.source_name for c in contract.source_columns if c.source_name not in dialect.columns]
        if missing:
            raise problem(
                path,
                "servers.columns",
                f"no place for {', '.join(map(repr, missing))}",
                "name every field of the file in order, those too that no column reads",
            )


def _check_ignored(contract: SourceContract) -> None:
    """Columns that are ignored must be names, and none that the contract reads."""
    read = {column.source_name for column in contract.source_columns}
    for name in contract.ignored_columns:
        if not isinstance(name, str) or name in read:
            raise problem(
                contract.path,
                "customProperties.ignoreColumns",
                f"{name!r} is {'a column that the contract reads' if name in read else 'no text'}",
                "name columns of the files that no column of the contract reads",
            )


def read_set_aside(path: Path, setting: str, value: Any) -> tuple[RowRule, ...]:
    """The conditions of `rejectIf` or `ignoreIf`: a list of mappings with name, condition and perhaps a description."""
    rules: list[RowRule] = []
    for entry in value if isinstance(value, list) else []:
        given = entry if isinstance(entry, dict) else {}
        if (
            not {"name", "condition"} <= given.keys() <= {"name", "condition", "description"}
            or not all(isinstance(text, str) and text.strip() for text in given.values())
            or given["name"] in {rule.name for rule in rules}
        ):
            raise problem(
                path,
                f"customProperties.{setting}",
                f"{entry!r} is no condition with a name of its own",
                "write each as {name: unpaid, condition: \"status <> 'paid'\"}",
            )
        name = str(given["name"])
        rules.append(RowRule(name, str(given.get("description", name)), str(given["condition"])))
    return tuple(rules)
