"""Writes the draft: the shipped contract fitted to a sample, or a new one for a dataset of the deployment's own."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from pipelines.contracts.amounts import WRITTEN_SCALE, amount_columns, amount_type
from pipelines.contracts.catalog import canonical_contracts
from pipelines.contracts.parts import NAME
from pipelines.draft.guess import Guess, guess
from pipelines.draft.names import PERSONAL, UNIT_PRICE, matched, own_names, plain
from pipelines.draft.sample import ROWS, Sample, read_sample
from pipelines.errors import SettingsError
from pipelines.showing import visible

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.contracts import SourceContract

_DATE_IN_NAME = (
    (re.compile(r"(19|20)\d\d-[01]\d-[0-3]\d"), "{date}"),
    (re.compile(r"(?<!\d)(19|20)\d\d[01]\d[0-3]\d(?!\d)"), "{date:%Y%m%d}"),
    (re.compile(r"(?<!\d)(19|20)\d\d_[01]\d_[0-3]\d(?!\d)"), "{date:%Y_%m_%d}"),
    (re.compile(r"(?<!\d)(19|20)\d\d\.[01]\d\.[0-3]\d(?!\d)"), "{date:%Y.%m.%d}"),
)
_LOGICAL = {"VARCHAR": "string", "INTEGER": "integer", "BIGINT": "integer", "DOUBLE": "number"}
Document = dict[str, Any]


@dataclass
class Draft:
    """A contract's text, and three lists of sentences about it."""

    dataset: str
    text: str = ""
    found: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)


@dataclass
class _Columns:
    """The sample's columns, and which of them the contract reads under which name."""

    guesses: dict[str, Guess]
    names: dict[str, str]
    """Header by the contract's name."""
    own: dict[str, str]
    """Names of our own by the headers that the contract does not know."""


def draft_contract(path: Path, dataset: str, scale: int = WRITTEN_SCALE) -> Draft:
    """Draft the contract of a dataset from a file of it.

    Args:
        path: A CSV, JSON Lines or Parquet file as the source exports it.
        dataset: One of the shipped datasets, or a name for one of the deployment's own.
        scale: Decimals of the reporting currency.

    Raises:
        SettingsError: that is no name for a dataset.
        LandingError: the file cannot be read as a table.
    """
    canon = canonical_contracts().get(dataset)
    if canon is None and (not NAME.match(dataset) or "__" in dataset):
        raise SettingsError(
            f"{dataset!r} is no name for a dataset; use lower-case letters, digits and single _, "
            f"or one of {', '.join(canonical_contracts())}"
        )
    sample, draft = read_sample(path), Draft(dataset)
    guesses = {
        name: guess(sample.values(n), len(sample.rows), sample.types[n] if sample.types else None)
        for n, name in enumerate(sample.names)
    }
    wanted = [c.name for c in canon.columns] if canon else []
    names = matched(wanted, sample.names)
    left = [header for header in guesses if header not in names.values()]
    columns = _Columns(guesses, names, own_names(left, wanted))
    _say_what_was_found(draft, path, sample)
    document = _shipped(canon, scale) if canon else _new(dataset)
    document["servers"][0] |= _server(draft, path, sample)
    settings = _written(draft, columns, sample)
    document["servers"][0]["customProperties"] = [{"property": k, "value": v} for k, v in settings.items()]
    table = document["schema"][0]
    table["properties"] = _properties(draft, columns, table["properties"], settings)
    if canon is None:
        _key(draft, columns, table["properties"])
    draft.text = _commented(draft, path, document)
    return draft


def _shipped(canon: SourceContract, scale: int) -> Document:
    document: Document = yaml.safe_load(canon.path.read_text(encoding="utf-8"))
    for column in document["schema"][0]["properties"]:
        if column["name"] in amount_columns(canon):
            column["physicalType"] = amount_type(scale)
    return document | {"id": f"urn:own:source:{canon.name}"}


def _new(dataset: str) -> Document:
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"urn:own:source:{dataset}",
        "name": dataset,
        "version": "1.0.0",
        "status": "draft",
        "description": {"purpose": f"What a row of {dataset} is for."},
        "servers": [{"server": "landing", "type": "local"}],
        "customProperties": [
            {"property": "obligatory", "value": False},
            {"property": "toleratedRejectRate", "value": 0.01},
        ],
        "schema": [
            {
                "name": dataset,
                "physicalType": "table",
                "logicalType": "object",
                "description": f"One row per row of {dataset}.",
                "dataGranularityDescription": f"One row per row of {dataset}.",
                "properties": [],
            }
        ],
    }


def _say_what_was_found(draft: Draft, path: Path, sample: Sample) -> None:
    rows = f"{len(sample.rows):,} rows" + (" at its start" if len(sample.rows) >= ROWS else "")
    draft.found.append(f"{path.name}: {sample.format}, {len(sample.names)} columns, {rows} looked at")
    if sample.format == "csv":
        draft.found.append(
            f"encoding {sample.encoding}, delimiter {sample.delimiter!r}, quote {sample.quote!r}, "
            + ("a header" if sample.has_header else "no header")
            + (f" after {sample.preamble} lines of something else" if sample.preamble else "")
        )
        if not sample.encoding.startswith("utf"):
            draft.check.append(f"the encoding {sample.encoding} is an estimate: look at names and texts")


def _server(draft: Draft, path: Path, sample: Sample) -> Document:
    name = path.name
    for pattern, place in _DATE_IN_NAME:
        name, found = pattern.subn(place, path.name, count=1)
        if found:
            location = f"{draft.dataset}/{name}"
            draft.found.append(f"the file's name holds a date: {location}")
            break
    else:
        location = f"{draft.dataset}/{{date}}/*{path.suffix}"
        draft.assumed.append(f"one folder a business date: {location}")
    server: Document = {"path": location, "format": sample.format}
    if sample.format != "parquet":
        server["encoding"] = sample.encoding
    return server


def _written(draft: Draft, columns: _Columns, sample: Sample) -> dict[str, Any]:
    """How the file's values are written, in the words of a contract's server."""
    settings: dict[str, Any] = {}
    if sample.format == "csv":
        settings |= {"delimiter": sample.delimiter, "quote": sample.quote}
        if sample.preamble:
            settings["skipLines"] = sample.preamble
        if not sample.has_header:
            settings["columns"] = list(sample.names)
            draft.check.append(
                "the file has no header: give its columns names in place of column_1, column_2 …"
            )
    words = Counter(word for g in columns.guesses.values() for word in g.null_words)
    if words and sample.format != "parquet":
        settings["nullValues"] = [word for word, _ in words.most_common()]
        draft.assumed.append(f"{', '.join(map(repr, settings['nullValues']))} stands for no value")
    marks = Counter(pair for g in columns.guesses.values() for pair in g.marks)
    if marks:
        decimal, thousands = marks.most_common(1)[0][0]
        settings |= {"decimalMark": decimal, "thousandsMark": thousands}
        draft.found.append(
            f"numbers have the decimal mark {decimal!r}"
            + (f" and are grouped by {thousands!r}" if thousands else "")
        )
    signs = Counter(g.currency_sign for g in columns.guesses.values() if g.currency_sign)
    styles = Counter(g.negative_style for g in columns.guesses.values() if g.negative_style != "leading")
    for key, seen in (("currencySign", signs), ("negativeStyle", styles)):
        if seen:
            settings[key] = seen.most_common(1)[0][0]
            draft.found.append(f"amounts are written with {key} {settings[key]!r}")
    for type_, key in (("DATE", "dateFormat"), ("TIMESTAMP", "timestampFormat")):
        formats = Counter(g.formats[0] for g in columns.guesses.values() if g.type == type_ and g.formats)
        if formats:
            settings[key] = formats.most_common(1)[0][0]
    return settings


def _properties(
    draft: Draft, columns: _Columns, shipped: list[Document], settings: dict[str, Any]
) -> list[Document]:
    kept = []
    for given in shipped:
        name = given["name"]
        header = columns.names.get(name)
        if header is not None:
            _say_of(draft, given, header, columns.guesses[header])
            kept.append(given | {"physicalName": header} | _format(columns.guesses[header], given, settings))
        elif given.get("required"):
            kept.append(_without_header(draft, columns, given))
    kept += [_own(draft, name, h, columns.guesses[h], settings) for h, name in columns.own.items()]
    missing = [p["name"] for p in shipped if p["name"] not in {k["name"] for k in kept}]
    if missing:
        draft.assumed.append(f"the source has no {', '.join(missing)}: left out, and null in the marts")
    # What an expression reads stands before it.
    return sorted(kept, key=lambda p: "transformLogic" in p)


def _say_of(draft: Draft, given: Document, header: str, guess: Guess) -> None:
    """What a contract's column that the sample has needs to be told about."""
    name, type_ = given["name"], given["physicalType"]
    if plain(header) != plain(name):
        draft.assumed.append(f"{name} is {header!r}")
    if len(guess.formats) > 1:
        draft.check.append(
            f"{name} is read by {guess.formats[0]}; the sample fits {', '.join(guess.formats[1:3])} as well"
        )
    if len(guess.marks) > 1 and any(first[0] != guess.marks[0][0] for first in guess.marks):
        draft.check.append(f"{name}: whether {guess.marks[0][0]!r} is the decimal mark cannot be seen")
    if given.get("required") and guess.empty:
        draft.check.append(
            f"{name} is empty in {guess.empty:,} rows, and required: they would be quarantined"
        )
    if type_ != guess.type and not _holds(type_, guess.type):
        draft.check.append(f"{name} must be {type_}, and the sample's values look like {guess.type}")


def _holds(type_: str, found: str) -> bool:
    """Whether values that look like one type go into a column of another."""
    if type_ == "VARCHAR":
        return True
    if type_.startswith("DECIMAL"):
        return found in ("INTEGER", "BIGINT") or (
            found.startswith("DECIMAL") and int(found[:-1].split(",")[1]) <= int(type_[:-1].split(",")[1])
        )
    return (found, type_) in (("INTEGER", "BIGINT"), ("DATE", "TIMESTAMP"), ("INTEGER", "DOUBLE"))


def _without_header(draft: Draft, columns: _Columns, given: Document) -> Document:
    """A required column that no header means: an expression where one is plain, else a question."""
    name = given["name"]
    expression = _place(draft, columns, name)
    price = next((h for h in columns.own if plain(h) in UNIT_PRICE), None)
    if name == "net_amount" and price is not None and "quantity" in columns.names:
        draft.assumed.append(f"net_amount is quantity times {price!r}")
        expression = f"quantity * {columns.own[price]}"
    if expression is not None:
        return {k: v for k, v in given.items() if k != "physicalName"} | {"transformLogic": expression}
    draft.check.append(
        f"no column of the sample looks like {name} ({given['description'].rstrip('.')}): give its header as physicalName, "
        "or an expression as transformLogic"
    )
    return given


def _place(draft: Draft, columns: _Columns, name: str) -> str | None:
    """What can stand for a receipt's number and its line's, where the source has none."""
    receipt = columns.names.get("transaction_id")
    if name == "line_number" and receipt is not None and columns.guesses[receipt].is_unique:
        draft.assumed.append(f"each {receipt!r} has one line: none comes twice in the sample")
        return "1"
    if name == "line_number":
        draft.assumed.append("the source has no line number: a line is known by its place in its file")
        return "file_line"
    if name == "transaction_id":
        draft.assumed.append(
            "the source has no receipt number: a line is known by its file and its place in it"
        )
        return "strftime(partition_date, '%Y%m%d') || ' ' || file_name"
    return None


def _own(draft: Draft, name: str, header: str, guess: Guess, settings: dict[str, Any]) -> Document:
    column: Document = {
        "name": name,
        "physicalName": header,
        "logicalType": _logical(guess.type),
        "physicalType": guess.type,
        "description": f"{header} of the export.",
    }
    if PERSONAL.search(header):
        column["classification"] = "pii"
        draft.assumed.append(f"{header!r} is about a person: it stays in raw")
    return column | _format(guess, column, settings)


def _format(guess: Guess, column: Document, settings: dict[str, Any]) -> Document:
    """A column's own format, where it is written unlike the rest of its file."""
    key = {"DATE": "dateFormat", "TIMESTAMP": "timestampFormat"}.get(column["physicalType"])
    if key is None or not guess.formats or settings.get(key) == guess.formats[0]:
        return {}
    return {"customProperties": [{"property": "format", "value": guess.formats[0]}]}


def _logical(type_: str) -> str:
    return "number" if type_.startswith("DECIMAL") else _LOGICAL.get(type_, type_.lower())


def _key(draft: Draft, columns: _Columns, properties: list[Document]) -> None:
    """A first column without repetition is the key of a new dataset."""
    unique = next((p for p in properties if columns.guesses[p["physicalName"]].is_unique), None)
    if unique is None:
        draft.check.append(
            "no column tells the rows apart: mark the key's columns with primaryKey: true and required: true"
        )
        return
    unique |= {"primaryKey": True, "primaryKeyPosition": 1, "required": True}
    draft.assumed.append(f"{unique['name']} is the key: no value of it comes twice")


def _commented(draft: Draft, path: Path, document: Document) -> str:
    lines = [f"# Drafted from {visible(path.name)}. Check what is listed here, then delete these lines."]
    for title, sentences in (("Found", draft.found), ("Assumed", draft.assumed), ("To check", draft.check)):
        lines += [f"# {title}:"] if sentences else []
        lines += [f"#   - {visible(' '.join(sentence.split()))}" for sentence in sentences]
    text: str = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120)
    if visible(text, keep="\n") != text:  # a header may hold what a terminal obeys
        text = yaml.safe_dump(document, sort_keys=False, width=120)
    return "\n".join(lines) + "\n" + text
