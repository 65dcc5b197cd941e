"""The dashboards' files, as Superset imports them, against the marts' contracts. No Superset is needed for that."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from pipelines.bi.assets import ASSETS, SERVING_FILE, differing, main, render
from pipelines.bi.datasets import empty_marts, published_columns
from pipelines.bi.described import read
from pipelines.contracts import canonical_contracts
from pipelines.errors import ContractError
from pipelines.quoting import ident
from pipelines.settings import PROJECT_DIR

PAGES = {"executive", "tiers", "wallet", "retention", "voice", "defectors", "care", "quality"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[A-Za-z]{2}")


def loaded(kind: str) -> dict[str, dict[str, Any]]:
    """The files of one kind, by their names."""
    found = {
        str(path.relative_to(ASSETS / kind)): yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted((ASSETS / kind).rglob("*.yaml"))
    }
    assert found, kind
    return found


DATASETS = {dataset["uuid"]: dataset for dataset in loaded("datasets").values()}
CHARTS = loaded("charts")
DASHBOARDS = loaded("dashboards")


@pytest.fixture(scope="module")
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    with empty_marts() as connection:
        yield connection


def source_of(dataset: dict[str, Any]) -> str:
    return f"({dataset['sql']}) as mart" if dataset["sql"] else ident(dataset["table_name"])


def query_of(chart: dict[str, Any]) -> str:
    """A chart's query as Superset would write it, but for its order and limit."""
    form, dataset = chart["params"], DATASETS[chart["dataset_uuid"]]
    metrics = {m["metric_name"]: m["expression"] for m in dataset["metrics"]}
    columns = {c["column_name"]: c.get("expression") or ident(c["column_name"]) for c in dataset["columns"]}
    groups = form.get("groupby") or []
    asked = [
        form.get("x_axis"),
        *([groups] if isinstance(groups, str) else groups),
        *form.get("all_columns", []),
    ]
    shown = [form["metric"]] if "metric" in form else form.get("metrics", [])
    selected = [columns[name] for name in asked if name] + [metrics[name] for name in shown]
    where = [f["sqlExpression"] for f in form["adhoc_filters"]]
    order = form.get("timeseries_limit_metric")
    if isinstance(order, dict):
        selected.append(order["sqlExpression"])
    elif order:
        assert order in metrics
    selected += [columns[json.loads(by)[0]] for by in form.get("order_by_cols", [])]
    assert selected, chart["slice_name"]
    condition = f" where {' and '.join(f'({w})' for w in where)}" if where else ""
    return f"select {', '.join(selected)} from {source_of(dataset)}{condition} group by all"


def test_the_files_are_what_the_description_and_the_contracts_say() -> None:
    changed, gone = differing(render())
    assert [str(path) for path in [*changed, *gone]] == [], "run `make docs`"


def test_a_stale_file_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    stale = {ASSETS / "charts" / "tiers_customers.yaml": "another"}
    monkeypatch.setattr("pipelines.bi.assets.render", lambda: stale)
    assert main(["--check"]) == 1
    assert "assets/charts/tiers_customers.yaml is not what the description says" in capsys.readouterr().err


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda d: d["table_name"])
def test_a_dataset_has_just_the_columns_of_its_query(
    dataset: dict[str, Any], marts: duckdb.DuckDBPyConnection
) -> None:
    described = marts.execute(f"describe select * from {source_of(dataset)}").fetchall()
    real = {c["column_name"]: c["type"] for c in dataset["columns"] if not c.get("expression")}
    assert real == {name: kind for name, kind, *_ in described}
    for metric in dataset["metrics"]:
        marts.execute(f"select {metric['expression']} from {source_of(dataset)}")
        assert not re.search(r"sum\(\w*((?<!run)_rate|nps|share_of_wallet|_median)\)", metric["expression"])
    if not dataset["sql"]:
        assert set(real) == set(published_columns()[dataset["table_name"]])


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_asks_for_what_its_dataset_has(name: str, marts: duckdb.DuckDBPyConnection) -> None:
    chart = CHARTS[name]
    assert chart["viz_type"] == chart["params"]["viz_type"]
    marts.execute(query_of(chart))


@pytest.mark.parametrize(
    ("mart", "column"),
    [
        ("tier_contribution_monthly", "revenue"),
        ("dim_tiers", "label_zh"),
        ("defections", "is_open"),
        ("_publish", "as_of_date"),
    ],
)
def test_a_renamed_column_fails(mart: str, column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {
        name: {f"renamed_{c}" if (name, c) == (mart, column) else c: kind for c, kind in of.items()}
        for name, of in published_columns().items()
    }
    monkeypatch.setattr("pipelines.bi.datasets.published_columns", lambda: columns)
    using = [query_of(chart) for chart in CHARTS.values() if column in query_of(chart)]
    with empty_marts() as connection, pytest.raises(duckdb.BinderException, match=column):
        connection.execute(" union all by name ".join(f"({query})" for query in using))


def test_every_dashboard_shows_its_charts_and_no_chart_is_left_over() -> None:
    assert {Path(name).stem for name in DASHBOARDS} == PAGES
    shown: list[str] = []
    for dashboard in DASHBOARDS.values():
        places = dashboard["position"]
        for name, place in places.items():
            for child in place.get("children", []) if isinstance(place, dict) else []:
                assert child in places, name
        charts = [p["meta"] for p in places.values() if isinstance(p, dict) and p["type"] == "CHART"]
        assert charts
        shown += [meta["uuid"] for meta in charts]
        numbers = [meta["chartId"] for meta in charts]
        assert len(set(numbers)) == len(numbers)
        for row in (p for p in places.values() if isinstance(p, dict) and p["type"] == "ROW"):
            assert sum(places[child]["meta"]["width"] for child in row["children"]) <= 12
    assert sorted(shown) == sorted(chart["uuid"] for chart in CHARTS.values())


def test_identities_are_unique_and_lead_somewhere() -> None:
    database = next(iter(loaded("databases").values()))
    objects = [*DATASETS.values(), *CHARTS.values(), *DASHBOARDS.values(), database]
    assert (
        len({o["uuid"] for o in objects}) == len(objects) == len(DATASETS) + len(CHARTS) + len(DASHBOARDS) + 1
    )
    assert all(dataset["database_uuid"] == database["uuid"] for dataset in DATASETS.values())
    assert {chart["dataset_uuid"] for chart in CHARTS.values()} == set(DATASETS), (
        "a dataset that nothing shows"
    )


def test_every_title_is_in_both_languages() -> None:
    titles = [c["slice_name"] for c in CHARTS.values()] + [d["dashboard_title"] for d in DASHBOARDS.values()]
    titles += [dataset["description"] for dataset in DATASETS.values()]
    titles += [
        m["verbose_name"] for d in DATASETS.values() for m in d["metrics"] if m["verbose_name"] != "NPS"
    ]
    titles += [d["description"] for d in DASHBOARDS.values()]
    columns = {c["column_name"]: c["verbose_name"] for d in DATASETS.values() for c in d["columns"]}
    for chart in CHARTS.values():
        groups = chart["params"].get("groupby") or []
        named = [groups] if isinstance(groups, str) else groups
        titles += [columns[name] or name for name in [*named, *chart["params"].get("all_columns", [])]]
    titles += [word for words in read().words.values() for word in words.values()]
    for title in titles:
        assert ENGLISH.search(title), title
        assert CHINESE.search(title), title


def test_every_dataset_that_lands_has_its_words() -> None:
    assert read().words["datasets"].keys() == canonical_contracts().keys()


def test_no_file_has_an_address_and_the_database_is_only_read() -> None:
    for path in ASSETS.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        assert str(PROJECT_DIR) not in text
        assert not re.search(r"https?://|(?<![\w/])/(home|tmp|var|opt|work|root)/", text), path
    database = next(iter(loaded("databases").values()))
    assert database["sqlalchemy_uri"] == f"duckdb:///{SERVING_FILE}?access_mode=read_only"
    assert database["cache_timeout"] == 0
    assert not any(
        database[right] for right in ("allow_dml", "allow_ctas", "allow_cvas", "allow_file_upload")
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"data": "no_such_mart"}, "reads 'no_such_mart', which is no dataset"),
        ({"kind": "cake"}, "charts.customers.kind"),
        ({"kind": "bar"}, "a bar needs x, metrics"),
        ({"colour": "red"}, "charts.customers.colour"),
    ],
)
def test_a_wrong_description_is_named(wrong: dict[str, str], says: str, tmp_path: Path) -> None:
    described = PROJECT_DIR / "deploy" / "superset" / "described"
    (tmp_path / "dashboards").mkdir()
    for name in ("datasets.yaml", "words.yaml"):
        (tmp_path / name).write_text((described / name).read_text(encoding="utf-8"), encoding="utf-8")
    page = yaml.safe_load((described / "dashboards" / "tiers.yaml").read_text(encoding="utf-8"))
    page["charts"] = {"customers": page["charts"]["customers"] | wrong}
    (tmp_path / "dashboards" / "tiers.yaml").write_text(yaml.safe_dump(page), encoding="utf-8")
    with pytest.raises(ContractError, match=re.escape(says)):
        read(tmp_path)
