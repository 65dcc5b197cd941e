"""What no reader of messages, logs, ledger, results and pages may find there, whatever files and rules go wrong how.

One deployment takes in one bad file after another, each with a person's data planted in it. What is said is looked
through each time; at the end every byte below `var/` is, but for the tables that hold rows.
"""

from __future__ import annotations

import io
import json
import traceback
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from deployments import Deployment, mainstay, started
from loading_world import GOOD, World
from loading_world import HEADER as SALES_HEADER
from scanning import ROWS, scan

from pipelines import steps
from pipelines.errors import MainstayError
from pipelines.land.inspected import names_shown, unknown_columns
from pipelines.load.tables import REASON_KIND
from pipelines.warehouse import ledger
from pipelines.warehouse.faults import database_errors, message_of

NAME, PHONE, EMAIL, STREET, BORN = (
    *("Zenobia Quark", "+49 170 5550199", "zq@example.org", "12 Marker Lane", "1990-07-07"),
)
MARKERS = ("Zenobia", "Quark", "Qu\\xe4rk", "5550199", "zq@example", "Marker", BORN, "07.07.1990")
HEADER = (
    "customer_id,full_name,phone,email,address,birth_date,gender,age_band,income_band,household_size,marital_status,region,"
    "segment,acquisition_channel,registered_on,referred_by_customer_id,account_manager_employee_id,merged_into_customer_id,"
    "preferred_channel,is_marketing_consent,source_system"
)
ROW = f"C1,{NAME},{PHONE},{EMAIL},{STREET},{BORN},f,35-44,,2,,Nord,family,web,2016-05-01,,,,,,till"
FILES: dict[str, str | bytes] = {
    "no header": f"{ROW}\n",
    "a header delimited otherwise": f"{HEADER}\n{ROW}\n".replace(",", ";"),
    "no header and delimited otherwise": f"{ROW}\n".replace(",", ";"),
    "a row before the header": f"{ROW}\n{HEADER}\n{ROW}\n",
    "header and row on one line": f"{HEADER}{ROW}\n{ROW}\n",
    "header and row on one line with a comma": f"{HEADER},{ROW}\n{ROW},{ROW}\n",
    "a name twice in the header": f"{HEADER},{NAME},{NAME}\n{ROW},,\n",
    "an open quote in the header": f'{HEADER},"\n{ROW}\n{ROW}\n',
    "an open quote before a row": f'"{ROW}\n{ROW}\n',
    "a name in another encoding": f"{HEADER}\n{ROW}\n".replace("Quark", "Quärk").encode("latin-1"),
    "a birth date that is none": f"{HEADER}\n{ROW}\n".replace(BORN, "07.07.1990"),
    "a telephone that is too long": f"{HEADER}\n{ROW}\n".replace(PHONE, PHONE * 9),
    "a field too many": f"{HEADER}\n{ROW},{NAME},x\n",
    "a column moved to the right, and one left out": (
        f"{HEADER}\n{ROW.replace(NAME, 'x').replace(',,2,,Nord', f',,{NAME},{PHONE},{BORN}').replace('2016-05-01', EMAIL)}\n"
    ),
    "a quote in a field": f'{HEADER}\n{ROW.replace(NAME, NAME + chr(34) + "x")}\n"{ROW}\n',
    "a rule that raises": f"{HEADER}\n{ROW.replace('till', 'raises')}\n",
    "an address as customer number": f"{HEADER}\n{ROW.replace('C1', EMAIL)}\n",
    "sound, with a double row": f"{HEADER}\n{ROW}\n{ROW.replace('C1', 'C2')}\n{ROW}\n",
}
DAYS = {what: date(2024, 3, 1) + timedelta(days=n) for n, what in enumerate(FILES)}


def leaked(text: str) -> list[str]:
    return [marker for marker in MARKERS if marker in text]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    deployment = started(tmp_path_factory.mktemp("leaks") / "shop", duckdb_threads=2)
    path = deployment.settings.contracts / "sources" / "customers.odcs.yaml"
    contract = yaml.safe_load(path.read_text("utf-8"))
    raises = "CASE WHEN source_system = 'raises' THEN CAST(phone AS BIGINT) > 0 ELSE true END"
    query = "SELECT CAST(full_name AS INT) AS number FROM {batch}"
    told = "SELECT phone AS told, birth_date AS day, full_name || '!' AS who FROM {batch}"
    contract["schema"][0]["quality"] += [
        {
            "name": "raises",
            "type": "custom",
            "engine": "mainstay",
            "description": "raises",
            "implementation": raises,
        },
        *(
            {
                "name": name,
                "type": "custom",
                "engine": "greatExpectations",
                "implementation": {
                    "type": "unexpected_rows_expectation",
                    "kwargs": {"unexpected_rows_query": sql},
                },
            }
            for name, sql in (("number", query), ("told", told))
        ),
    ]
    path.write_text(yaml.safe_dump(contract, allow_unicode=True), "utf-8")
    for what, content in FILES.items():
        path = deployment.path("customers", DAYS[what])
        path.parent.mkdir(parents=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return deployment


@pytest.mark.parametrize("what", FILES)
def test_no_message_has_personal_data(shop: Deployment, what: str) -> None:
    day = str(DAYS[what])
    for command in (("land", day, "--datasets", "customers"), ("load", day)):
        result = mainstay(shop.settings.home, *command)
        assert not leaked(result.output), result.output
        assert isinstance(result.exception, SystemExit | None), repr(result.exception)
        # A task's log has the whole chain of errors.
        assert result.exc_info is not None
        assert not leaked("".join(traceback.format_exception(*result.exc_info)))


def test_at_the_end_only_rows_tables_have_personal_data(shop: Deployment) -> None:
    settings, run_id = shop.settings, ledger.new_run_id("nightly", DAYS["no header"])
    steps.start(settings, run_id, "nightly", DAYS["no header"])
    said = []
    for stage in ("land", "raw"):
        with pytest.raises(MainstayError) as caught:
            steps.validate(settings, run_id, stage, min(DAYS.values()), max(DAYS.values()))
        said.append(str(caught.value))
    steps.finish(settings, run_id, DAYS["no header"], "failed", "; ".join(said))
    for command in ("status", "doctor"):
        said.append(mainstay(settings.home, command).output)
    said.append(mainstay(settings.home, "quarantine", "list").output)
    assert not leaked("\n".join(said)), said

    page = (settings.docs / "index.zh-CN.html").read_text("utf-8")
    assert "customers.odcs.yaml" in page  # what failed, and what is in quarantine
    assert "birth_date：不是格式为" in page

    looked = scan(settings.var, MARKERS, without=[settings.landing], schemas=ROWS)
    assert not looked.found
    assert looked.files > 3  # the ledger's warehouse, its lock, both pages, logs
    assert looked.tables > 5
    assert shop.query("select count(*) > 0 from ops.checks") == [(True,)]
    reasons = shop.query(
        f"select reasons, {REASON_KIND} "
        "from (select reasons, unnest(reasons) as reason from quarantine.customers)"
    )
    assert reasons
    assert not leaked(str(reasons))
    assert any("birth_date: '…' is no DATE" in str(given) for given, _ in reasons)


def test_what_another_library_passes_on_of_the_database_is_cut_too(tmp_path: Path) -> None:
    class Wrapped(Exception):  # as SQLAlchemy's, of more than a text
        def __init__(self, text: str, more: object) -> None:
            super().__init__(text, more)

    error = Wrapped(f"(ConversionException) Conversion Error: '{NAME}'", object())
    assert not leaked(message_of(error))
    settings = World(tmp_path).settings
    with (
        pytest.raises(RuntimeError, match=r"Wrapped: .*Conversion Error \(what") as caught,
        database_errors(settings),
    ):
        raise error
    assert not leaked("".join(traceback.format_exception(caught.value)))
    with pytest.raises(ValueError, match="plain"), database_errors(settings):
        raise ValueError("plain")


def test_the_check_that_keeps_addresses_out_shows_none(shop: Deployment) -> None:
    [(observed, detail)] = shop.query(
        "select observed, detail from ops.checks where stage = 'raw' and not success "
        "and suite = 'raw.customers' and expectation like '%not_match_regex'"
    )
    assert observed.startswith("1 of ")
    assert "partial_unexpected_list" not in json.loads(detail)


@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet"])
def test_an_own_personal_column_is_one_too(tmp_path: Path, format_: str) -> None:
    world = (
        World(tmp_path)
        .column("note", classification="pii")
        .server(path="transactions/{date}/*", format=format_)
    )
    row = dict.fromkeys(SALES_HEADER.split(","), "Marker")
    content = {
        "csv": lambda: ",".join(row.values()).encode(),
        "jsonl": lambda: json.dumps({"Marker Lane": 1, EMAIL: 2}).encode(),
        "parquet": lambda: _parquet({"Marker Lane": ["x"], NAME: ["y"]}),
    }[format_]()
    world.land(content)
    with pytest.raises(MainstayError) as caught:
        world.load()
    assert not leaked(str(caught.value))
    assert not leaked(str(world.query("select * from ops.files")))


@pytest.mark.parametrize("is_personal", [True, False])
def test_no_reason_shows_an_address_or_what_moved_out_of_a_personal_column(
    tmp_path: Path, is_personal: bool
) -> None:
    world = World(tmp_path).setting(toleratedRejectRate=1)
    if is_personal:
        world.column("note", classification="pii")
    world.rows(f"t1,1,c1,2017-03-01 10:00:00,Zenobia,{'x' * 50}{EMAIL},0.5,true,2017-03-01,hello")
    world.load()
    [reasons] = world.reasons().values()
    assert "zq@" not in str(reasons)
    assert len(reasons) == 2
    shown = "'…'" if is_personal else "'Zenobia'"
    assert any(reason.startswith(f"net_amount: {shown} is no DECIMAL") for reason in reasons)


@pytest.mark.parametrize("is_personal", [True, False])
def test_a_key_of_json_may_be_a_value(tmp_path: Path, is_personal: bool) -> None:
    world = (
        World(tmp_path).server(path="transactions/{date}/*", format="jsonl").setting(toleratedRejectRate=1)
    )
    if is_personal:
        world.column("note", classification="pii")
    row = dict(zip(SALES_HEADER.split(","), GOOD.format(1).split(","), strict=True))
    twice = '{"Zenobia": 1, "zq@example.org": 1, "zq@example.org": 2, "note": 1}'
    world.land("\n".join([json.dumps(row), twice, '{"note": 1, "note": 2}', f'{{"note": {twice}}}']))
    said = str(world.load().drift)
    reasons = world.reasons()
    assert reasons[3] == ["the key 'note' stands twice"]
    assert reasons[2] == reasons[4] == ["a key stands twice" if is_personal else "the key '…@…' stands twice"]
    assert "zq@" not in said + str(world.query("select * from ops.drift"))
    assert is_personal == ("Zenobia" not in said)


def _parquet(columns: dict[str, list[str]]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def test_columns_of_a_personal_contract_are_named_where_they_are_names(shop: Deployment) -> None:
    contract = shop.contracts["customers"]
    known = ["customer_id", "full_name"]
    assert names_shown([*known, "loyalty_card"], contract) == "'customer_id', 'full_name', 'loyalty_card'"
    assert unknown_columns([*known, "loyalty_card"], contract) == ("loyalty_card",)
    assert names_shown([*known, "loyalty_card", NAME], contract).startswith(
        "'customer_id', 'full_name', 2 that the contract"
    )
    assert unknown_columns([*known, NAME], contract)[0].startswith("column 3 (not shown")
    assert "C1" not in names_shown(["C1", "anna"], contract)
    assert (
        names_shown(["a\u200bb", "x" * 100], shop.contracts["transactions"]) == rf"'a\u200bb', '{'x' * 60}…'"
    )
