"""A wrong contract is refused with its file, the place and a way out; the shipped ones are right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from loading_world import World

from pipelines.contracts import canonical_contracts, mart_contracts, source_contracts
from pipelines.contracts.location import place_of
from pipelines.errors import ContractError
from pipelines.settings import PROJECT_DIR, Settings


def test_the_shipped_contracts_are_read_in_load_order() -> None:
    shipped = tuple(canonical_contracts())
    assert tuple(source_contracts(Settings(home=PROJECT_DIR))) == shipped
    assert shipped[0] == "transactions"
    assert list(shipped[1:]) == sorted(shipped[1:])
    assert len(shipped) >= 6
    assert len(mart_contracts()) >= 10


@pytest.mark.search
def test_every_contract_passes_the_lint() -> None:
    from datacontract.data_contract import DataContract

    files = sorted((PROJECT_DIR / "data_contracts").glob("*/*.odcs.yaml"))
    assert len(files) >= len(canonical_contracts()) + 10, "too few contracts found"
    failed = {
        f.name: run.result
        for f in files
        if (run := DataContract(data_contract_file=str(f)).lint()).result != "passed"
    }
    assert not failed


def edit_table(world: World, **changes: object) -> None:
    world.contract["schema"][0].update(changes)
    world.write()


def edit(world: World, **changes: object) -> None:
    world.contract.update(changes)
    world.write()


def without(world: World, name: str) -> None:
    table = world.contract["schema"][0]
    edit_table(world, properties=[p for p in table["properties"] if p["name"] != name])


CASES: list[tuple[Callable[[World], object], str]] = [
    (
        lambda w: w.column("note", physicalType="TEXTT"),
        r"column note: physicalType 'TEXTT' is not supported; use VARCHAR",
    ),
    (
        lambda w: w.column("note", physicalType="DECIMAL(50,2)"),
        r"column note: DECIMAL\(50,2\) is no decimal type; use",
    ),
    (lambda w: w.column("Note"), r"column 'Note': not a lower-case column name"),
    (lambda w: w.column("file_id"), r"column file_id: the name is Mainstay's own"),
    (
        lambda w: edit_table(w, properties=w.contract["schema"][0]["properties"] * 2),
        r"column transaction_id: named twice; keep one",
    ),
    (
        lambda w: edit_table(w, properties=[{"name": "a", "physicalType": "DATE"}]),
        r"schema: no primaryKey; name",
    ),
    (lambda w: edit_table(w, properties=[]), r"schema: no properties"),
    (
        lambda w: edit(w, schema=w.contract["schema"] * 2),
        r"schema: 2 tables; a Mainstay contract describes exactly one",
    ),
    (lambda w: edit_table(w, name="sales"), r"schema.name: unknown dataset 'sales'; use one of transactions"),
    (lambda w: edit(w, servers=[]), r"servers: no location; give one"),
    (lambda w: w.server(path="all/*.csv"), r"servers.path: location 'all/\*.csv'; no whole date in it"),
    (lambda w: w.server(path="{date:%Y}/*.csv"), r"servers.path: .*no whole date in it"),
    (
        lambda w: w.server(path="{date:%Y%m}.csv"),
        r"servers.path: .*no whole date in it; .*; a monthly file, or a dump of all history, lands under its last day",
    ),
    (lambda w: w.server(path="{date:%Y%b%d}/*.csv"), r"servers.path: .*%b in .* is not known; use %Y"),
    (lambda w: w.server(path="**/{date}.csv"), r"servers.path: .*\*\* cannot be used"),
    (lambda w: w.server(format="xlsx"), r"servers.format: format 'xlsx' is not supported; use one of csv"),
    (lambda w: w.server(encoding="utf8mb4"), r"servers.encoding: unknown encoding 'utf8mb4'; use"),
    (lambda w: w.server(encoding="base64"), r"servers.encoding: unknown encoding 'base64'; use"),
    (
        lambda w: w.server(delimitr=";"),
        r"servers.customProperties.delimitr: unknown setting; use one of delimiter",
    ),
    (lambda w: w.server(delimiter="||"), r"servers.delimiter: '\|\|' is not one character"),
    (lambda w: w.server(delimiter='"'), r"servers.quote: the same as delimiter"),
    (lambda w: w.server(escape=","), r"servers.escape: the same as delimiter"),
    (lambda w: w.server(escape="\\\\"), r"servers.escape: '.*' is not one character"),
    (lambda w: w.server(escape="\\", quote=""), r"servers.escape: there is no quote to escape"),
    (lambda w: w.server(skipLines="3"), r"servers.skipLines: '3' is no number of lines"),
    (lambda w: w.server(skipLines=-1), r"servers.skipLines: -1 is no number of lines"),
    (lambda w: w.server(columns="a,b"), r"servers.columns: 'a,b' is no list of names"),
    (lambda w: w.server(columns=["a", "a"]), r"servers.columns: 'a' stands twice"),
    (lambda w: w.server(columns=["note"]), r"servers.columns: no place for 'transaction_id', "),
    (
        lambda w: w.server(format="jsonl", skipLines=1),
        r"servers.skipLines: a jsonl file has none; take it out",
    ),
    (lambda w: w.server(format="parquet", columns=["a"]), r"servers.columns: a parquet file has none"),
    (lambda w: w.server(nullValue=0), r"servers.customProperties.nullValue: 0 is no text; put it in quotes"),
    (lambda w: w.server(thousandsMark="."), r"servers.thousandsMark: the same as decimalMark"),
    (lambda w: w.server(timezone="Beijing"), r"servers.timezone: unknown timezone 'Beijing'; use"),
    (lambda w: w.server(dateFormat="%Q"), r"servers.dateFormat: .*; mend it"),
    (
        lambda w: w.server(timestampFormat="YYYY-MM-DD HH:mm"),
        r"servers.timestampFormat: format 'YYYY-MM-DD HH:mm' has no strptime codes; use %Y-%m-%d %H:%M, or iso8601",
    ),
    (
        lambda w: w.server(dateFormat="ddMMyyyy"),
        r"servers.dateFormat: .* no strptime codes; use %d%m%Y, or iso8601",
    ),
    (lambda w: w.server(dateFormat="date"), r"servers.dateFormat: .* codes; use for example %d/%m/%Y"),
    (
        lambda w: w.server(timestampFormat="%Y-%m-%d %H:%M %Z"),
        r"servers.timestampFormat: .* has %Z, which is not read; mend it: the name of a zone means several",
    ),
    (
        lambda w: w.server(timestampFormat="%s"),
        r"servers.timestampFormat: .*; mend it: for seconds since 1970",
    ),
    (
        lambda w: w.server(timestampFormat="%c"),
        r"servers.timestampFormat: .*; mend it: it differs from country",
    ),
    (lambda w: w.server(dateFormat="%G-W%V"), r"servers.dateFormat: .*; mend it: weeks are not read"),
    (lambda w: w.server(dateFormat="%m/%Y"), r"servers.dateFormat: .* tells no whole date; mend it"),
    (lambda w: w.server(dateFormat="%-d%m%Y"), r"servers.dateFormat: .* has %-d beside digits, and 111"),
    (lambda w: w.server(dateFormat="%d/%m/%Y/%m"), r"servers.dateFormat: .* tells %m twice"),
    (lambda w: w.server(dateFormat="%Y-%m-%d %H:%M%z"), r"servers.dateFormat: .* has an offset"),
    (
        lambda w: w.server(timestampFormat="%Y-%m-%d %I:%M"),
        r"servers.timestampFormat: .* has one of %I and %p without the other; mend it: use both, or %H",
    ),
    (lambda w: w.server(timestampFormat="%Y-%m-%d %M"), r"servers.timestampFormat: .* has %M without %H"),
    (
        lambda w: w.server(nullValues="-"),
        r"servers.customProperties.nullValues: '-' is no list of texts; write for example",
    ),
    (lambda w: w.server(negativeStyle="red"), r"servers.negativeStyle: unknown 'red'; use one of leading"),
    (lambda w: w.server(thousandsMark="-"), r"servers.thousandsMark: '-' means something else in a number"),
    (
        lambda w: w.server(currencySign="Fr."),
        r"servers.currencySign: 'Fr.' holds a blank or a mark of numbers",
    ),
    (
        lambda w: w.column("score", customProperties=[{"property": "rounding", "value": "halfUp"}]),
        r"column score: rounding: 'halfUp' of DOUBLE; use halfUp, of DECIMAL",
    ),
    (
        lambda w: w.column("quantity", customProperties=[{"property": "rounding", "value": "floor"}]),
        r"column quantity: rounding: 'floor' of DECIMAL\(18,3\); use halfUp",
    ),
    (
        lambda w: w.setting(ignoreColumns="Kasse"),
        r"ignoreColumns: 'Kasse' is not a list of the files' column names",
    ),
    (
        lambda w: w.setting(ignoreColumns=["note"]),
        r"ignoreColumns: 'note' is a column that the contract reads",
    ),
    (lambda w: w.setting(toleratedRejectRate=2), r"toleratedRejectRate: 2.0 is no share; use 0 to 1"),
    (lambda w: w.setting(toleratedRejectRate="1 %"), r"toleratedRejectRate: '1 %' is not a share"),
    (lambda w: w.setting(obligatory="no"), r"obligatory: 'no' is not true or false"),
    (lambda w: w.setting(futureToleranceDays=1.5), r"futureToleranceDays: 1.5 is not a whole number of days"),
    (
        lambda w: w.setting(toleratedRejctRate=0),
        r"customProperties.toleratedRejctRate: unknown setting; use one of obligatory",
    ),
    (lambda w: w.setting(businessTime="sold_at"), r"businessTime: no column 'sold_at'; name"),
    (lambda w: w.setting(businessTime="note"), r"businessTime: note is VARCHAR; name"),
    (
        lambda w: w.setting(businessTime="sold_on"),
        r"column sold_on: it gives the business date but may be empty; set required",
    ),
    (
        lambda w: w.column("note", logicalTypeOptions={"pattern": "["}),
        r"column note: pattern '\[': .*; mend it",
    ),
    (
        lambda w: w.column("note", logicalTypeOptions={"pattern": "(?=a)"}),
        r"column note: pattern '\(\?=a\)': .*perl operator",
    ),
    (
        lambda w: w.column("note", logicalTypeOptions={"maxLength": "ten"}),
        r"column note: maxLength 'ten' is no length",
    ),
    (
        lambda w: w.column("score", logicalTypeOptions={"minimum": "0"}),
        r"column score: minimum '0' is no number; write it without",
    ),
    (
        lambda w: w.column("sold_on", logicalTypeOptions={"minimum": "soon"}),
        r"column sold_on: value 'soon': .*date",
    ),
    (
        lambda w: w.column("sold_on", logicalTypeOptions={"format": "yyyy-MM-dd"}),
        r"column sold_on: format 'yyyy-MM-dd' has no strptime codes",
    ),
    (lambda w: w.column("note", transformLogic="upper(nothing)"), r"column note: transformLogic: .*nothing"),
    (lambda w: w.column("note", transformLogic="'a' = )"), r"column note: transformLogic: .*[Ss]yntax"),
    (lambda w: w.rule("sums", "net_amount = gross - tax"), r"rule sums: .*gross"),
    (lambda w: w.rule("sums", "net_amount >"), r"rule sums: .*[Ss]yntax"),
    (
        lambda w: without(w, "net_amount"),
        r"column net_amount: missing, and the marts need it; add it, with transformLogic",
    ),
    (
        lambda w: w.column("quantity", physicalType="DOUBLE"),
        r"column quantity: type DOUBLE; the marts need DECIMAL\(18,3\)",
    ),
    (
        lambda w: w.column("net_amount", required=False),
        r"column net_amount: may be empty, and the marts need it",
    ),
    (
        lambda w: w.column("note", primaryKey=True, primaryKeyPosition=3),
        r"primaryKey: key .*; the marts need",
    ),
    (lambda w: w.contract_path.write_text("a: [", encoding="utf-8"), r"the contract cannot be read"),
    (lambda w: w.contract_path.write_text("", encoding="utf-8"), r"transactions.odcs.yaml: "),
    (lambda w: w.contract_path.write_text("- a\n", encoding="utf-8"), r"transactions.odcs.yaml: "),
    (
        lambda w: w.contract_path.write_bytes("name: 会员".encode("gbk")),
        r"the contract cannot be read.*UTF-8",
    ),
    (lambda w: edit(w, version=[1]), r"version: .*; see the Open Data Contract Standard"),
]


@pytest.mark.parametrize(("spoil", "message"), CASES, ids=[message[:40] for _, message in CASES])
def test_a_wrong_contract_is_refused(tmp_path: Path, spoil: Callable[[World], object], message: str) -> None:
    world = World(tmp_path)
    assert source_contracts(world.settings)
    spoil(world)
    with pytest.raises(
        ContractError,
        match=r"transactions\.odcs\.yaml: (.*: )?(customProperties\.)?"
        + message.removeprefix("transactions.odcs.yaml: "),
    ):
        source_contracts(world.settings)


def test_a_dataset_has_one_contract_and_transactions_must_have_one(tmp_path: Path) -> None:
    world = World(tmp_path)
    second = world.contract_path.with_name("zz.odcs.yaml")
    second.write_bytes(world.contract_path.read_bytes())
    with pytest.raises(
        ContractError, match=r"zz.odcs.yaml: schema.name: transactions has a contract already"
    ):
        source_contracts(world.settings)
    second.unlink()
    world.contract_path.unlink()
    with pytest.raises(ContractError, match="no contract for transactions; `mainstay init DIR`"):
        source_contracts(world.settings)


def test_bounds_and_allowed_values_compare_by_type(tmp_path: Path) -> None:
    world = World(tmp_path).setting(toleratedRejectRate=1)
    allowed = [{"metric": "invalidValues", "arguments": {"validValues": [2, 3]}, "mustBe": 0}]
    world.column("quantity", quality=allowed).column("sold_on", logicalTypeOptions={"minimum": "2017-01-01"})
    world.column(
        "is_gift", quality=[{"metric": "invalidValues", "arguments": {"validValues": [True]}, "mustBe": 0}]
    )
    world.good(1)
    assert world.load().loaded == 1
    world.rows("t2,1,c1,2017-03-01 10:00:00,1,4,1,false,2016-12-31,x")
    assert world.load().loaded == 0
    assert world.reasons() == {
        2: [
            "quantity: '4.000' is none of 2, 3",
            "is_gift: 'false' is none of true",
            "sold_on: '2016-12-31' is below the minimum 2017-01-01",
        ]
    }


@pytest.mark.parametrize(
    ("location", "dated", "undated"),
    [
        ("sales/{date}/*.csv", "sales/2025-03-01/*.csv", "sales/YYYY-MM-DD/*.csv"),
        ("{date:%Y/%m/%d}/{date:%y%j}.csv", "2025/03/01/25060.csv", "YYYY/MM/DD/YYDDD.csv"),
    ],
)
def test_a_location_is_shown_with_its_date(location: str, dated: str, undated: str) -> None:
    assert place_of(location, date(2025, 3, 1)) == dated
    assert place_of(location) == undated
