"""Reads a contract's columns: names, types, keys and the rules of a single column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.contracts import formats
from pipelines.contracts.parts import NAME, ROUNDINGS, TYPES, Column
from pipelines.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from open_data_contract_standard.model import SchemaObject, SchemaProperty


def problem(path: Path, place: str, what: str, way_out: str) -> ContractError:
    """A fault of a contract: where it is, what it is, and the way out."""
    return ContractError(f"{path}: {place}: {what}; {way_out}")


def custom_values(properties: Iterable[Any] | None) -> dict[str, Any]:
    """ODCS custom properties by name."""
    return {p.property: p.value for p in properties or [] if p.property}


def _column(path: Path, prop: SchemaProperty) -> Column:
    name = prop.name or ""
    if not NAME.match(name):
        raise problem(path, f"column {name!r}", "not a lower-case column name", "use letters, digits and _")
    type_ = (prop.physicalType or "").upper().replace(" ", "")
    match = TYPES.match(type_)
    if not match:
        raise problem(
            path,
            f"column {name}",
            f"physicalType {prop.physicalType!r} is not supported",
            "use VARCHAR, BOOLEAN, INTEGER, BIGINT, DOUBLE, DATE, TIMESTAMP or DECIMAL(p,s)",
        )
    if match.group(2) and not (
        0 <= int(match.group(3)) <= int(match.group(2)) <= 38 and int(match.group(2)) > 0
    ):
        raise problem(path, f"column {name}", f"{type_} is no decimal type", "use for example DECIMAL(18,2)")
    options = prop.logicalTypeOptions or {}
    for option in ("minLength", "maxLength"):
        if (length := options.get(option)) is not None and (type(length) is not int or length < 0):
            raise problem(
                path, f"column {name}", f"{option} {length!r} is no length", "use a whole number of 0 or more"
            )
    for option in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        bound = options.get(option)
        if (
            bound is not None
            and type_ not in ("DATE", "TIMESTAMP")
            and (isinstance(bound, bool) or not isinstance(bound, int | float))
        ):
            raise problem(
                path, f"column {name}", f"{option} {bound!r} is no number", "write it without quotes"
            )
    custom = custom_values(prop.customProperties)
    format_ = custom.get("format") or options.get("format")
    if (
        type_ in ("DATE", "TIMESTAMP")
        and format_ is not None
        and (fault := formats.fault(str(format_), type_))
    ):
        raise problem(path, f"column {name}", *fault)
    if (rounding := custom.get("rounding")) is not None and (
        rounding not in ROUNDINGS or not (type_ in ("INTEGER", "BIGINT") or match.group(2))
    ):
        raise problem(
            path,
            f"column {name}: rounding",
            f"{rounding!r} of {type_}",
            "use halfUp, of DECIMAL, INTEGER or BIGINT; any other rule by transformLogic from a column with more decimals",
        )
    if not isinstance(custom.get("publish", False), bool):
        raise problem(
            path, f"column {name}: publish", f"{custom['publish']!r} is not true or false", "give one"
        )
    if not isinstance(custom.get("customerNumber", False), bool):
        raise problem(
            path,
            f"column {name}: customerNumber",
            f"{custom['customerNumber']!r} is not true or false",
            "give true where the column holds the number of the row's customer",
        )
    is_required = bool(prop.required or prop.primaryKey)
    may_be_missing = custom.get("mayBeMissing", False)
    if not isinstance(may_be_missing, bool) or (may_be_missing and (is_required or prop.transformLogic)):
        raise problem(
            path,
            f"column {name}: mayBeMissing",
            f"{may_be_missing!r} of a column that is always filled or derived"
            if may_be_missing is True
            else f"{may_be_missing!r} is not true or false",
            "give true or false, and true only of a column that may be empty",
        )
    allowed = None
    for rule in prop.quality or []:
        if rule.metric == "invalidValues" and "validValues" in (rule.arguments or {}):
            allowed = tuple(
                str(v).lower() if isinstance(v, bool) else str(v)
                for v in (rule.arguments or {})["validValues"]
            )
    return Column(
        name=name,
        source_name=prop.physicalName or name,
        type=type_,
        description=prop.description or "",
        required=is_required,
        key_position=(prop.primaryKeyPosition or 1) if prop.primaryKey else None,
        classification=prop.classification or "internal",
        expression=prop.transformLogic,
        pattern=options.get("pattern"),
        min_length=options.get("minLength"),
        max_length=options.get("maxLength"),
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        exclusive_minimum=options.get("exclusiveMinimum"),
        exclusive_maximum=options.get("exclusiveMaximum"),
        allowed=allowed,
        format=None if format_ is None else str(format_),
        rounding=rounding,
        quality=tuple(prop.quality or []),
        is_published=custom.get("publish", False),
        may_be_missing=may_be_missing,
        is_customer_number=custom.get("customerNumber", False),
        anonymous_values=_anonymous_values(
            path, name, custom.get("anonymousValues"), can_be_empty=type_ == "VARCHAR" and not is_required
        ),
    )


def _anonymous_values(path: Path, name: str, given: Any, *, can_be_empty: bool) -> tuple[str, ...] | None:
    """What stands for nobody in a column of customer numbers; blanks always do where the number may be empty."""
    if given is None:
        return () if name == "customer_id" and can_be_empty else None
    place = f"column {name}: anonymousValues"
    if not isinstance(given, list) or not all(isinstance(value, str) for value in given):
        raise problem(
            path, place, f"{given!r} is no list of texts", 'give for example ["0", "99999"], in quotes'
        )
    if not can_be_empty:
        raise problem(
            path,
            place,
            "they become empty, and the column may not be",
            "set required: false on a VARCHAR column",
        )
    return tuple(value.strip() for value in given)


def read_columns(path: Path, table: SchemaObject) -> tuple[Column, ...]:
    """The table's columns, each checked, and none twice."""
    columns = tuple(_column(path, p) for p in table.properties or [])
    names = [c.name for c in columns]
    for name in names:
        if names.count(name) > 1:
            raise problem(path, f"column {name}", "named twice", "keep one")
    return columns
