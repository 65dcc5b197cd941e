"""Whole nights through the real DAG: what is served, what a second run changes, what a failed one does not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from deployments import Deployment, mainstay, says_one_thing, started
from nights_world import database, sales
from other_account import reached_by_a_reader
from planting import Planted, leaked, tolerate_rejects
from scanning import scan
from services_double import KEY, Services, services
from shortening import leave_out_dbt_tests, soak

from pipelines.publish import current
from pipelines.report.header import figures
from pipelines.report.read import read_night
from pipelines.report.texts import Texts

DAYS = [date(2024, 5, 1) + timedelta(days=n) for n in range(3)]
NIGHT, TOMORROW = DAYS[-1], DAYS[-1] + timedelta(days=1)

PERSONAL = {
    "full_name": "Ottilie Quarkstein",
    "phone": "+49-30-5550199",
    "email": "ottilie@quarkstein.example",
    "address": "Quarkgasse 7, 10115 Berlin",
    "birth_date": "1971-07-23",
}
WHO = "zqottilie"
MARKERS = ("quark", "5550199", "1971-07-23")
COMMENT = "Frau Quarkstein at the till was rude to me"


def sold(day: date) -> list[dict[str, object]]:
    """A day's sales, some to a customer whose number can be told from all other texts."""
    return [row | ({"customer_id": WHO} if row["customer_id"] == "c1" else {}) for row in sales(day)]


def answer(feedback_id: str, customer_id: str) -> dict[str, object]:
    """A survey's answer, of the night."""
    when = f"{NIGHT} 10:00:00"
    return {
        "feedback_id": feedback_id,
        "customer_id": customer_id,
        "feedback_at": when,
        "kind": "nps",
        "score": 9,
    }


@pytest.fixture(scope="module")
def planted() -> Planted:
    """The people of all nights."""
    return Planted({})


@pytest.fixture(scope="module")
def told() -> Iterator[Services]:
    """A webhook that is told of every event of the nights that are given `telling(told)`."""
    with services() as found:
        yield found


def telling(told: Services) -> dict[str, str]:
    """The environment of a deployment that tells everything."""
    events = "failed, published, stale, quarantined, warned"
    return {"MAINSTAY_NOTIFY_URLS": told.address("json"), "MAINSTAY_NOTIFY_ON": events}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, planted: Planted, told: Services) -> Deployment:
    """Six datasets landed over three days, and the night of the last one published.

    Of the people some are merged, stand twice, are corrected or quarantined.
    """
    deployment = started(tmp_path_factory.mktemp("nights") / "shop")
    planted.contracts = deployment.contracts
    tolerate_rejects(deployment, "customers", "feedback")
    for day in DAYS:
        deployment.land("transactions", day, sold(day))
    first = DAYS[0]
    deployment.land(
        "customers",
        first,
        [
            {"customer_id": WHO, "region": "north", **PERSONAL},
            *({"customer_id": f"c{n}", "region": "north"} for n in (0, 2, 3, 4)),
            {"customer_id": "zqmergedintoottilie", "merged_into_customer_id": WHO}
            | planted.person("customers", "merged"),
            *[{"customer_id": "c6"} | planted.person("customers", "double")] * 2,
            {"customer_id": "c7"} | planted.person("customers", "earlier"),
            {"customer_id": "c7"} | planted.person("customers", "corrected"),
            {"customer_id": "c8", "registered_on": "never"} | planted.person("customers", "quarantined"),
            {"customer_id": "c9"} | planted.person("customers", "unborn") | {"birth_date": "zqunborn"},
        ],
    )
    deployment.land(
        "products", first, [{"product_id": f"p{n}", "category": "tea", "unit_cost": 2.5} for n in range(3)]
    )
    deployment.land(
        "feedback",
        NIGHT,
        [
            answer("f1", WHO) | {"score": 3, "comment_text": COMMENT},
            *[answer("f2", "c2") | planted.person("feedback", "twice")] * 2,
            answer("f3", "c3") | {"score": 11} | planted.person("feedback", "refused"),
        ],
    )
    deployment.land(
        "interactions",
        first,
        [
            {
                "interaction_id": "i1",
                "customer_id": WHO,
                "interaction_at": f"{first} 10:00:00",
                "direction": "outbound",
                "kind": "mail",
            }
        ],
    )
    deployment.land(
        "wallet_surveys",
        first,
        [
            {"survey_id": "s1", "category": "all", "brand": brand, "customer_id": WHO, "surveyed_at": f"{first} 08:00:00",
             "is_own_brand": brand == "we", "preference_rank": rank, "declared_wallet": 900}
            for rank, brand in enumerate(["they", "we"], start=1)
        ],
    )  # fmt: skip
    result = mainstay(deployment.settings.home, "nightly", str(NIGHT), **telling(told))
    assert result.exit_code == 0, result.output
    assert "did not arrive" not in result.output
    return deployment


@pytest.fixture(autouse=True)
def without_dbt_tests_from_now_on(served: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first night is the one that runs them."""
    leave_out_dbt_tests(monkeypatch)


def tables(deployment: Deployment) -> dict[str, list[tuple[object, ...]]]:
    names = [
        name for (name,) in deployment.query("select table_name from duckdb_tables()", database(deployment))
    ]
    assert len(names) > 10
    return {
        name: sorted(deployment.query(f'select * from "{name}"', database(deployment)), key=str)
        for name in names
    }


def test_the_night_is_told_once_with_its_figures_and_without_a_person(
    served: Deployment, told: Services, planted: Planted
) -> None:
    # Later nights of this module tell more.
    published, quarantined = told.texts()[:2]
    assert f"the night of {NIGHT} is published · {NIGHT} 的数据已发布" in published
    live = current(served.settings)
    assert live is not None
    head = figures(read_night(served.settings, live), Texts("zh-CN"))
    assert len(head.lines) > 4
    for line in head.lines:
        assert f"{line.title}：{line.cells[0].value}" in published
    assert "This is the first publication: " in published
    assert "首次发布：" in published
    assert str(served.settings.serving / "report.html") in published
    [rows, bad] = served.query(
        "select sum(rows_in), sum(quarantined) from ops.files where dataset = 'customers'"
    )[0]
    assert f"customers {DAYS[0]}: {bad} of {rows} rows" in quarantined
    assert f"feedback {NIGHT}: 1 of 4 rows (25.00%) break the contract." in quarantined
    assert f"feedback {NIGHT}：4 行中有 1 行（25.00%）不符合契约。" in quarantined
    assert "birth_date: … is no DATE by %Y-%m-%d: 1" in quarantined
    assert "`mainstay quarantine show " in quarantined
    text = "".join(told.texts())
    assert not [marker for marker in [*planted.all(), *PERSONAL.values(), *MARKERS] if marker in text]
    assert not scan(served.settings.var, [KEY]).found


def test_the_published_figures_add_up(served: Deployment) -> None:
    sold = served.query("select sum(net_amount), count(*) from raw.transactions")[0]
    path = database(served)
    assert served.query("select sum(net_amount), count(*) from fct_transactions", path) == [sold]
    assert served.query("select sum(revenue) from tier_contribution_monthly", path)[0][0] == sold[0]
    assert served.query("select sum(revenue) from retention_cohorts_monthly", path)[0][0] == sold[0]
    assert (
        served.query("select sum(net_amount - cost_amount - profit_amount) from fct_transactions", path)[0][0]
        == 0
    )
    assert served.query(
        "select sum(customer_share), sum(revenue_share) from tier_contribution_monthly", path
    ) == [(1.0, 1.0)]
    assert served.query("select sum(transition_rate) from tier_migration_monthly", path) == [(1.0,)]
    assert served.query(
        "select count(*), count(*) filter (where own_spend + headroom = wallet and share_of_wallet between 0 and 1) "
        "from share_of_wallet_monthly where category = 'all'", path,
    ) == [(5, 5)]  # fmt: skip
    assert (
        served.query(
            "select method, wallet from share_of_wallet_monthly where customer_id = 'zqottilie' and category = 'all'",
            path,
        )[0][0]
        == "declared"
    )
    assert served.query(
        "select opening + new + reactivated - lapsed - closing from retention_flows_monthly", path
    ) == [(0,)]
    assert served.query(
        "select retention_rate from retention_cohorts_monthly where months_since_first = 0", path
    ) == [(1.0,)]
    (info,) = served.query("select distinct as_of_date from _publish", path)
    assert info[0] == NIGHT


def test_nothing_personal_is_served(served: Deployment) -> None:
    raw = served.query(
        "select full_name, phone, email, address from raw.customers where customer_id = 'zqottilie'"
    )
    assert raw == [tuple(PERSONAL[name] for name in ("full_name", "phone", "email", "address"))]
    secrets = [*PERSONAL.values(), COMMENT, "Quark", "5550199"]
    content = {name: str(rows) for name, rows in tables(served).items()}
    found = [f"{secret} in {name}" for name, text in content.items() for secret in secrets if secret in text]
    assert not found, found
    assert WHO in content["customer_retention"]
    files = [p for p in served.settings.serving.rglob("*") if p.is_file()]
    assert len([p for p in files if p.suffix == ".parquet"]) > 10
    for (
        path
    ) in files:  # compression may hide a word, so the values above are what counts; names in clear are worse
        for secret in secrets:
            assert secret.encode() not in path.read_bytes(), f"{secret} in {path}"
    folder = served.settings.serving / "parquet" / "current"
    for path in sorted(folder.glob("*.parquet")):
        text = str(served.query(f"select * from '{path}'"))
        assert not [secret for secret in secrets if secret in text], path


def test_after_a_good_night_people_are_in_rows_alone(served: Deployment, planted: Planted) -> None:
    assert not leaked(served, planted, *MARKERS)
    places = "\n".join(scan(served.settings.warehouse.parent, planted.all()).found)
    for schema, who in [
        *(("raw.customers", who) for who in ("merged", "double", "corrected")),
        *(("quarantine.customers", who) for who in ("quarantined", "unborn")),
        *(("duplicates.customers", who) for who in ("double", "earlier")),
        *(("raw.feedback", "twice"), ("duplicates.feedback", "twice"), ("quarantine.feedback", "refused")),
    ]:
        for marker in planted.markers[who]:
            # The birth date that stood in the file was another.
            assert f"{schema}: {marker}" in places or (who == "unborn" and marker.startswith("19")), (
                schema,
                marker,
            )


@pytest.mark.soak
def test_the_same_night_again_changes_nothing_but_the_ledger(served: Deployment) -> None:
    before, content = sha256(database(served).read_bytes()).hexdigest(), tables(served)
    runs = served.query("select count(*) from ops.runs")[0][0]
    raw = served.query("select * from raw.transactions order by all")
    result = mainstay(served.settings.home, "nightly", str(NIGHT))
    assert result.exit_code == 0, result.output
    assert "unchanged since" in result.output
    assert sha256(database(served).read_bytes()).hexdigest() == before
    assert tables(served) == content
    assert served.query("select * from raw.transactions order by all") == raw
    assert served.query("select count(*) from ops.runs")[0][0] == runs + 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another account")
def test_a_reader_of_the_marts_reaches_what_is_served_and_nothing_else(served: Deployment) -> None:
    settings = served.settings
    key = settings.warehouse.with_name("forget.key")
    key.touch(0o600)
    reached = reached_by_a_reader(settings.var, settings.serving.stat().st_gid, database(served))
    key.unlink()
    assert reached.rows[0] > 10
    assert {str(path) for path in settings.serving.rglob("*.parquet")} <= reached.files
    below = f"{settings.serving}/"
    assert not [path for path in reached.files if not path.startswith(below)]
    assert not [path for path in reached.folders if not f"{path}/".startswith(below)]
    everything = [path for path in settings.var.rglob("*") if path.is_file()]
    assert len(everything) > len(reached.files) + 30


def html_instead_of_a_file(deployment: Deployment, planted: Planted) -> None:
    deployment.land("transactions", TOMORROW, []).write_text(
        "<!DOCTYPE html><html>404</html>\n", encoding="utf-8"
    )


def a_person_before_the_header(deployment: Deployment, planted: Planted) -> None:
    deployment.land("transactions", TOMORROW, sales(TOMORROW))
    people = [{"customer_id": "c10"} | planted.person("customers", "headless")] * 2
    path = deployment.land("customers", TOMORROW, people)
    header, row, _ = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text(row + header + row, "utf-8")


def half_the_rows_dated_ahead(deployment: Deployment, planted: Planted) -> None:
    ahead = {"transaction_at": f"{TOMORROW + timedelta(days=9)} 12:00:00"}
    rows = [row | (ahead if n % 2 else {}) for n, row in enumerate(sales(TOMORROW))]
    deployment.land("transactions", TOMORROW, rows)


def an_address_for_a_customer_number(deployment: Deployment, planted: Planted) -> None:
    deployment.land(
        "transactions", TOMORROW, [row | {"customer_id": "zqsold@zq.example"} for row in sales(TOMORROW)]
    )
    planted.markers["sold"] = ["zqsold"]
    deployment.land("feedback", TOMORROW, [answer("f4", "c4") | planted.person("feedback", "loaded")])


def bounds_that_overlap(deployment: Deployment, planted: Planted) -> None:
    deployment.land("transactions", TOMORROW, sales(TOMORROW))
    policy = deployment.settings.policies / "tier_policy.csv"
    policy.write_text(
        policy.read_text(encoding="utf-8").replace("Gold,2,500", "Gold,2,1500"), encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("spoil", "exit_code", "words"),
    [
        soak(html_instead_of_a_file, 3, ("transactions.csv", "HTML")),
        soak(a_person_before_the_header, 3, ("customers.csv", "refused")),
        soak(half_the_rows_dated_ahead, 4, ("6 of 12 rows", "transaction_at", "50.00%")),
        (an_address_for_a_customer_number, 6, ("transactions.customer_id", "12 of 12 rows")),
        soak(bounds_that_overlap, 2, ("tier_policy.csv", "overlap")),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_failed_night_says_why_and_leaves_what_is_served(
    served: Deployment,
    planted: Planted,
    told: Services,
    tmp_path: Path,
    spoil: object,
    exit_code: int,
    words: tuple[str, ...],
) -> None:
    before, content = sha256(database(served).read_bytes()).hexdigest(), tables(served)
    shutil.copytree(served.settings.policies, tmp_path / "policies")
    spoil(served, planted)  # type: ignore[operator]
    told.heard.clear()
    result = mainstay(served.settings.home, "nightly", str(TOMORROW), **telling(told))
    says_one_thing(result, exit_code, "error:", *words)
    [alert] = told.texts()  # once for the run, not for each task
    assert f"mainstay_nightly for {TOMORROW} failed" in alert
    assert f"(exit code {exit_code})" in alert
    for word in words:
        assert word in alert
    assert not [marker for marker in [*planted.all(), *MARKERS] if marker in alert]
    assert sha256(database(served).read_bytes()).hexdigest() == before
    assert tables(served) == content
    status, message, finished = served.query(
        "select status, message, finished_at from ops.runs order by sequence desc limit 1"
    )[0]
    assert status == "failed"
    assert finished is not None
    for word in words:
        assert word in message
    # Mended, the same date runs through.
    shutil.copytree(tmp_path / "policies", served.settings.policies, dirs_exist_ok=True)
    served.path("transactions", TOMORROW).unlink()
    served.path("customers", TOMORROW).unlink(missing_ok=True)
    assert not leaked(served, planted, *MARKERS)


@pytest.mark.soak
def test_the_night_after_recovers(served: Deployment) -> None:
    served.land("transactions", TOMORROW, sales(TOMORROW))
    result = mainstay(served.settings.home, "nightly", str(TOMORROW), "--json")
    assert result.exit_code == 0, result.output
    assert served.query("select distinct as_of_date from _publish", database(served)) == [(TOMORROW,)]
    assert served.query("select count(*) from fct_transactions", database(served)) == [(48,)]
    assert served.query("select status from ops.runs order by sequence desc limit 1") == [("success",)]


@pytest.mark.soak
def test_who_is_forgotten_is_in_no_byte_below_var(served: Deployment, planted: Planted) -> None:
    var, path = served.settings.var, database(served)
    # A spoiled night before this would stop the build that an erasure ends with.
    served.land("transactions", TOMORROW, sales(TOMORROW))
    assert mainstay(served.settings.home, "load", str(TOMORROW)).exit_code == 0
    revenue = served.query("select sum(net_amount), count(*) from fct_transactions", path)
    theirs = [WHO, "zqmergedintoottilie", *MARKERS, *planted.markers["merged"]]
    others = [m for who in ("double", "corrected", "quarantined", "twice") for m in planted.markers[who]]
    places = "\n".join(scan(var, theirs).found)
    for place in (
        "landing",
        "raw.customers",
        "raw.feedback",
        "serving/marts.duckdb",
        "serving/parquet",
        "versions",
    ):
        assert place in places, place
    result = mainstay(served.settings.home, "forget", WHO, "--yes")
    assert result.exit_code == 0, result.output
    assert scan(var, theirs).found == []
    kept = "\n".join(scan(var, others).found)
    assert not [marker for marker in others if marker not in kept]
    assert served.query("select sum(net_amount), count(*) from fct_transactions", path) == revenue
    assert not leaked(served, planted)
    # Nor does a file that comes again bring them back.
    served.land("customers", DAYS[0], [{"customer_id": WHO, **PERSONAL}], name="again.csv")
    assert mainstay(served.settings.home, "load", str(DAYS[0])).exit_code == 0
    assert scan(var, theirs).found == []


CHINESE = {
    "transaction_id": "小票号",
    "line_number": "行号",
    "customer_id": "会员号",
    "transaction_at": "交易时间",
    "net_amount": "实收金额",
}


@pytest.mark.soak
def test_a_gbk_export_from_another_timezone_with_nothing_but_transactions(tmp_path: Path) -> None:
    deployment = started(tmp_path / "shop", timezone="America/New_York")
    (deployment.settings.home / "mainstay.toml").write_text(
        'timezone = "America/New_York"\n', encoding="utf-8"
    )
    contract = deployment.settings.contracts / "sources" / "transactions.odcs.yaml"
    text = contract.read_text(encoding="utf-8")
    for name, header in CHINESE.items():
        assert f"physicalName: {name}\n" in text
        text = text.replace(f"physicalName: {name}\n", f"physicalName: {header}\n")
    for old, new in [
        ("encoding: utf-8", "encoding: gbk"),
        ('{property: delimiter, value: ","}', '{property: delimiter, value: ";"}'),
        ('{property: decimalMark, value: "."}', '{property: decimalMark, value: ","}'),
        ('{property: thousandsMark, value: ""}', '{property: thousandsMark, value: "."}'),
        ("# - {property: timezone, value: Asia/Shanghai}", "- {property: timezone, value: Asia/Shanghai}"),
    ]:
        assert old in text
        text = text.replace(old, new)
    optional = (
        "product_id",
        "quantity",
        "discount_amount",
        "cost_amount",
        "store_id",
        "channel",
        "source_system",
    )
    contract.write_text(text, encoding="utf-8")
    for name in ("customers", "products", "feedback", "interactions", "wallet_surveys"):
        (deployment.settings.contracts / "sources" / f"{name}.odcs.yaml").unlink()
    path = deployment.path("transactions", "2024-05-02")
    path.parent.mkdir(parents=True)
    header = ";".join([*CHINESE.values(), *optional])
    rows = [
        "单1;1;会员甲;2024-05-02 11:00:00;1.234,50",  # 23:00 on the first in New York
        "单2;1;会员甲;2024-05-02 13:00:00;20,00",
        "单3;1;会员乙;2024-05-02 14:00:00;-5,25",
    ]
    path.write_bytes(
        "".join(line + "\n" for line in [header, *(row + ";" * 7 for row in rows)]).encode("gbk")
    )
    result = mainstay(deployment.settings.home, "nightly", "2024-05-02")
    assert result.exit_code == 0, result.output
    served = database(deployment)
    assert deployment.query(
        "select transaction_id, customer_id, business_date, net_amount from fct_transactions order by 1",
        served,
    ) == [
        ("单1", "会员甲", date(2024, 5, 1), pytest.approx(1234.5)),
        ("单2", "会员甲", date(2024, 5, 2), pytest.approx(20)),
        ("单3", "会员乙", date(2024, 5, 2), pytest.approx(-5.25)),
    ]
    assert deployment.query("select count(*) from fct_feedback", served) == [(0,)]
    assert deployment.query("select customer_id, purchase_days from customer_retention", served) == [
        ("会员甲", 2)
    ]
