"""SQL in a contract: an expression is a function of its row, a query reads its batch, and a look runs neither."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from loading_world import World

from pipelines.contracts import canonical_contracts, expressions, source_contracts
from pipelines.contracts.expressions import check_query, names_in
from pipelines.contracts.sql import faults, in_order
from pipelines.errors import ContractError

OF_THE_ROW = {
    "upper(trim(note))": {"note"},
    "CASE kind WHEN 'nps' THEN score BETWEEN 0 AND 10 ELSE true END": {"kind", "score"},
    "strftime(business_date, '%Y%m%d') || '-' || file_line": {"business_date", "file_line"},
    "list_sum(list_transform(string_split(note, ','), lambda x: CAST(x AS INTEGER) + quantity))": {
        "note",
        "quantity",
    },
    "coalesce(nullif(split_part(note, '-', 1), ''), 'none')": {"note"},
    'transaction_at + INTERVAL 1 DAY > "sold_on"': {"transaction_at", "sold_on"},
    "extract(year FROM sold_on) * 100 + month(sold_on)": {"sold_on"},
    "age(transaction_at, sold_on) > INTERVAL 1 DAY": {"transaction_at", "sold_on"},
    "TRY_CAST(note AS BIGINT) IS NOT NULL AND note SIMILAR TO '[0-9]+' -- digits\n": {"note"},
    "md5(note)": {"note"},
    "date_trunc('month', sold_on) AT TIME ZONE 'Asia/Tokyo' IS NOT NULL": {"sold_on"},
}


@pytest.mark.parametrize("sql", OF_THE_ROW)
def test_an_expression_names_its_columns(sql: str) -> None:
    assert names_in(sql) == OF_THE_ROW[sql]


NOT_OF_THE_ROW = {
    "row_number() OVER ()": "window function looks at other rows",
    "sum(net_amount)": r"sum\(\) looks at other rows",
    "sum(net_amount) OVER (PARTITION BY note)": "window",
    "(SELECT max(net_amount) FROM raw.transactions)": "subquery",
    "note IN (SELECT 'a')": "subquery",
    "EXISTS (FROM '/etc/passwd')": "subquery",
    "uuid()": r"uuid\(\) cannot be used; an expression is a function of its row.*file_line",
    "gen_random_uuid()": "cannot be used",
    "random() < 0.5": "cannot be used",
    "now()": "cannot be used",
    "today()": "cannot be used",
    "get_current_timestamp()": "cannot be used",
    "current_localtimestamp()": "cannot be used",
    "age(sold_on)": "cannot be used",
    "nextval('numbers')": "cannot be used",
    "current_setting('TimeZone')": "cannot be used",
    "getvariable('x')": "cannot be used",
    "getenv('HOME')": r"no function getenv\(\)",
    "read_text('/etc/passwd')": "cannot be used",
    "load_aws_credentials()": r"no function load_aws_credentials\(\)",
    "error('stop')": "cannot be used",
    "unnest([1, 2])": "cannot be used",
    "frobnicate(note)": r"no function frobnicate\(\)",
    "transactions.note": "by their name alone",
    "*": "stands for columns",
    "COLUMNS('.*')": "stands for columns",
    "$1": "parameter",
    "note AS other": "[Ss]yntax",
    "note, customer_id": "[Ss]yntax|more than one",
    "note) , (customer_id": "[Ss]yntax",
    "true) ; COPY (SELECT 1) TO '/tmp/x' ; SELECT (true": "[Ss]yntax",
    "1) FROM read_text('/etc/passwd') WHERE (true": "[Ss]yntax",
    "note --": "[Ss]yntax",
    "1) --": "[Ss]yntax",
    "note /*": ".",
    "": "selection list",
    "1; SELECT 2": "more than one",
    "1 UNION ALL SELECT 2": "[Ss]yntax",
    "1 ORDER BY 1": "[Ss]yntax",
    "COPY x TO 'y'": ".",
    "note; DROP TABLE x": "a statement that is no SELECT",
}


@pytest.mark.parametrize("sql", NOT_OF_THE_ROW)
def test_what_is_no_function_of_its_row_is_no_expression(sql: str) -> None:
    with pytest.raises(ValueError, match=NOT_OF_THE_ROW[sql]):
        names_in(sql)


def test_names_of_the_clock_parse_as_columns_and_are_refused_as_what_they_are(tmp_path: Path) -> None:
    for name in ("current_date", "CURRENT_TIMESTAMP", "localtime", "user"):
        world = World(tmp_path / name).column("note", transformLogic=f"CAST({name} AS VARCHAR)")
        with pytest.raises(
            ContractError,
            match=rf"column note: transformLogic: {name.lower()} is not of the row.*partition_date",
        ):
            source_contracts(world.settings)


@pytest.mark.parametrize("where", ["rule", "transformLogic", "rejectIf", "ignoreIf"])
def test_a_look_at_a_contract_runs_nothing_of_it(tmp_path: Path, where: str) -> None:
    secret, taken = tmp_path / "secret.txt", tmp_path / "taken.csv"
    secret.write_text("payroll", encoding="utf-8")
    sql = f"true) FROM (SELECT 1) WHERE (true); COPY (FROM read_text('{secret}')) TO '{taken}'; SELECT (true"
    world = World(tmp_path / "home")
    if where == "rule":
        world.rule("taker", sql)
    elif where == "transformLogic":
        world.column("note", transformLogic=sql)
    else:
        world.setting(**{where: [{"name": "taker", "condition": sql}]})
    with pytest.raises(ContractError, match=r"taker|note"):
        source_contracts(world.settings)
    assert not taken.exists()


REFERENCES = {
    "itself": ("note", "upper(note)", r"there is no column|each other or themselves"),
    "the loader's number of the file": ("note", "file_id", r"no column 'file_id'; use one of"),
    "the careful reader's columns": ("note", '"raw text"', r"no column 'raw text'"),
    "the quick reader's columns": ("note", "c0", r"no column 'c0'"),
    "another table": ("note", "raw.transactions.note", r"by their name alone"),
}


@pytest.mark.parametrize("case", REFERENCES)
def test_an_expression_uses_documented_names_alone(tmp_path: Path, case: str) -> None:
    column, sql, message = REFERENCES[case]
    with pytest.raises(ContractError, match=message):
        source_contracts(World(tmp_path).column(column, transformLogic=sql).settings)


def test_derived_columns_may_build_on_each_other_but_not_in_a_circle(tmp_path: Path) -> None:
    world = World(tmp_path).column("third", transformLogic="second || '!'")
    world.column("second", transformLogic="upper(customer_id)")
    assert [[c.name for c in level] for level in in_order(world.parsed.columns)] == [["second"], ["third"]]
    world.column("second", transformLogic="third")
    with pytest.raises(ContractError, match="transformLogic: second, third: the expressions name each other"):
        source_contracts(world.settings)


def test_a_derived_business_time_cannot_build_on_the_business_date(tmp_path: Path) -> None:
    world = World(tmp_path).column(
        "transaction_at", transformLogic="CAST(business_date AS TIMESTAMP) + INTERVAL 1 HOUR"
    )
    with pytest.raises(ContractError, match="no column 'business_date'"):
        source_contracts(world.settings)


NOT_SET_ASIDE = [
    "status <> 'paid'",
    ["status <> 'paid'"],
    [{"name": "unpaid"}],
    [{"name": "unpaid", "condition": True}],
    [{"name": "unpaid", "condition": "note = 'a'", "reason": "x"}],
    [{"name": "unpaid", "condition": "note = 'a'"}] * 2,
]


@pytest.mark.parametrize("value", NOT_SET_ASIDE, ids=str)
def test_a_condition_has_a_name_and_sql(tmp_path: Path, value: object) -> None:
    with pytest.raises(ContractError, match=r"customProperties.ignoreIf: .*(condition|list)"):
        source_contracts(World(tmp_path).setting(ignoreIf=value).settings)


QUERIES = {
    "SELECT * FROM {batch} WHERE net_amount < 0": None,
    "WITH days AS (SELECT DISTINCT business_date FROM {batch}) SELECT * FROM days": None,
    "SELECT t.* FROM {batch} AS t LEFT JOIN raw.customers AS c USING (customer_id) WHERE c.customer_id IS NULL": None,
    "SELECT note, count(*) FROM {batch} GROUP BY note HAVING count(*) > 9": None,
    "SELECT * FROM {batch} QUALIFY row_number() OVER (PARTITION BY note) > 1": None,
    "SELECT * FROM read_csv('/etc/passwd')": r"read_csv\(\) cannot be read from",
    "FROM load_aws_credentials(redact_secret := false)": r"load_aws_credentials\(\) cannot be read from",
    "CREATE SECRET theirs (TYPE s3, KEY_ID 'a', SECRET 'b')": "SELECT",
    "DROP SECRET lake": "SELECT",
    "SELECT * FROM '/etc/passwd'": "reads '/etc/passwd'",
    "SELECT * FROM glob('/*')": r"glob\(\)",
    "SELECT getenv('HOME') FROM {batch}": "getenv",
    "SELECT random() FROM {batch}": "random",
    "SELECT * FROM ops.files": "reads 'files'",
    "FROM duckdb_settings()": "duckdb_settings",
    "COPY (SELECT 1) TO '/tmp/x'": "SELECT",
    "SELECT 1; DROP TABLE raw.transactions": "SELECT",
    "DESCRIBE {batch}": "DESCRIBE",
    "SELECT * FROM query('SELECT 1')": "query",
    'SELECT (WITH "/etc/x.csv" AS (SELECT 1) SELECT 1), * FROM "/etc/x.csv"': "no plain name",
}


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_of_a_data_rule_reads_its_batch_and_the_warehouse_alone(sql: str) -> None:
    message = QUERIES[sql]
    if message is None:
        check_query(sql)
        return
    with pytest.raises(ValueError, match=message):
        check_query(sql)


EXPECTATIONS = {
    "only pandas can": (
        {"type": "expect_column_values_to_be_increasing", "kwargs": {"column": "note"}},
        "runs on DuckDB",
    ),
    "unknown": ({"type": "expect_magic", "kwargs": {}}, "'expect_magic' is no expectation"),
    "no mapping": ("net_amount > 0", "give a mapping"),
    "a type of pandas": (
        {"type": "expect_column_values_to_be_of_type", "kwargs": {"column": "note", "type_": "str"}},
        "'str' is no type here; use one of BIGINT",
    ),
    "types of pandas": (
        {
            "type": "expect_column_values_to_be_in_type_list",
            "kwargs": {"column": "note", "type_list": ["VARCHAR", "object"]},
        },
        "'object' is no type here",
    ),
    "a condition of pandas": (
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {
                "column": "score",
                "min_value": 0,
                "row_condition": "score > 1",
                "condition_parser": "pandas",
            },
        },
        "row_condition 'score > 1' cannot be read",
    ),
    "a condition on no column": (
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {
                "column": "score",
                "min_value": 0,
                "row_condition": 'col("scor") > 1',
                "condition_parser": "great_expectations",
            },
        },
        "no column 'scor'",
    ),
    "no column": (
        {"type": "expect_column_max_to_be_between", "kwargs": {"column": "nothing"}},
        "no column 'nothing'",
    ),
    "a file": (
        {
            "type": "unexpected_rows_expectation",
            "kwargs": {"unexpected_rows_query": "SELECT * FROM read_text('/etc/passwd')"},
        },
        r"read_text\(\) cannot be read from",
    ),
}


@pytest.mark.parametrize("case", EXPECTATIONS)
def test_an_expectation_that_does_not_run_here_is_refused_at_reading(tmp_path: Path, case: str) -> None:
    wanted, message = EXPECTATIONS[case]
    world = World(tmp_path)
    world.contract["schema"][0]["quality"].append(
        {"name": "mine", "type": "custom", "engine": "greatExpectations", "implementation": wanted}
    )
    world.write()
    with pytest.raises(ContractError, match=rf"transactions\.odcs\.yaml: quality mine: .*{message}"):
        source_contracts(world.settings)


def test_a_data_rule_may_ask_of_a_column_left_out_and_set_a_condition(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.contract["schema"][0]["quality"].append(
        {
            "name": "mine",
            "type": "custom",
            "engine": "greatExpectations",
            "implementation": {
                "type": "expect_column_values_to_be_between",
                "kwargs": {
                    "column": "discount_amount",
                    "min_value": 0,
                    "row_condition": 'col("net_amount") > 0 and col("note").notNull() and col("sold_on") > date("2017-01-01")',
                    "condition_parser": "great_expectations",
                },
            },
        }
    )
    world.write()
    assert source_contracts(world.settings)


@pytest.mark.parametrize("kind", ["rule", "rejectIf", "ignoreIf"])
def test_a_number_is_no_condition(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path)
    if kind == "rule":
        world.rule("paid", "net_amount")
    else:
        world.setting(**{kind: [{"name": "paid", "condition": "net_amount"}]})
    with pytest.raises(ContractError, match=f"{kind} paid: "):
        source_contracts(world.settings)


@pytest.mark.parametrize("broken", [duckdb.InternalException, duckdb.FatalException])
def test_a_database_that_broke_over_one_contract_is_not_asked_of_the_next(
    monkeypatch: pytest.MonkeyPatch, broken: type[duckdb.Error]
) -> None:
    """DuckDB refuses every statement after such an error, in all connections to that database."""

    class Broken:
        def execute(self, sql: str) -> None:
            raise broken(f"{sql}: database has been invalidated")

        def close(self) -> None:
            pass

    with closing(expressions.sandbox()) as connection:
        connection.execute("CREATE OR REPLACE TABLE of_this_database AS SELECT 1")
    [contract, *_] = canonical_contracts().values()
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.contracts.sql.sandbox", Broken)
        place, said = next(iter(faults(contract)))
    assert place.startswith("column ")
    assert "invalidated" in said
    assert list(faults(contract)) == []
    with closing(expressions.sandbox()) as connection, pytest.raises(duckdb.CatalogException):
        connection.execute("FROM of_this_database")
