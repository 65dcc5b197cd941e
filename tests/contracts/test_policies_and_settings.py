"""Policies and settings that are wrong are refused with a sentence that says where and what."""

from __future__ import annotations

import csv
import re
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import yaml
from deployments import ODD_NAME, mainstay, says_one_thing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shortening import examples

from pipelines.contracts.policies import DEFECTION_REASONS, Policies, read_policies
from pipelines.contracts.seeds import SEEDS, seed_types
from pipelines.errors import SettingsError
from pipelines.paths import plain
from pipelines.settings import PROJECT_DIR, Settings, load_settings

TIERS = "valid_from,tier,label_zh,label_en,tier_rank,lower_bound\n"
GOOD_TIERS = TIERS + "2000-01-01,gold,金,Gold,1,500\n2000-01-01,ordinary,普通,Ordinary,2,0\n"


def read(folder: Path) -> Policies:
    return read_policies(Settings(home=folder.parent))


def test_the_shipped_and_the_demo_policies_are_right() -> None:
    assert [t.tier for t in read_policies(Settings(home=PROJECT_DIR, policies_dir=PROJECT_DIR / "dbt_project/seeds")).tiers] == [
        "diamond", "gold", "silver", "ordinary",
    ]  # fmt: skip
    assert read_policies(Settings(home=PROJECT_DIR, policies_dir=PROJECT_DIR / "demo/policies")).tiers


def test_reasons_of_topics_are_the_shipped_ones_unless_the_deployment_has_its_own(folder: Path) -> None:
    assert read(folder).defection_topics == {reason: reason for reason in DEFECTION_REASONS}
    (folder / "defection_topics.csv").write_text("topic,reason\nhours,inconvenience\n", encoding="utf-8")
    assert read(folder).defection_topics == {"hours": "inconvenience"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "2000-01-01,a,甲,A,1,500\n2000-01-01,b,乙,B,2,500\n2000-01-01,c,丙,C,3,0\n",
            r":3: bounds overlap: b .*not below a",
        ),
        ("2000-01-01,a,甲,A,1,0\n2000-01-01,b,乙,B,2,500\n", r":3: bounds overlap"),
        (
            "2000-01-01,a,甲,A,1,500\n2000-01-01,c,丙,C,3,0\n",
            r"has the ranks 1, 3; they must run 1 \(best\) to 2",
        ),
        ("2000-01-01,a,甲,A,1,500\n2000-01-01,a,丙,C,2,0\n", r":2: tier a stands twice"),
        ("2000-02-30,a,甲,A,1,0\n", r":2: valid_from .*no day of the calendar; dates are YYYY-MM-DD"),
        ("20000101,a,甲,A,1,0\n", r":2: valid_from '20000101' is no date; write it as YYYY-MM-DD"),
        ("2025-W01-1,a,甲,A,1,0\n", r":2: valid_from '2025-W01-1' is no date; write it as YYYY-MM-DD"),
        (
            "２０００-01-01,a,甲,A,1,0\n",
            r":2: valid_from .* is no date; write it as YYYY-MM-DD, in plain digits",
        ),
        ("2000-01-01,a,甲,A,１,0\n", r":2: tier_rank '１' is no whole number in plain digits"),
        ("2000-01-01,a,甲,A,1_0,0\n", r":2: tier_rank '1_0' is no whole number in plain digits"),
        ("2000-01-01,a,甲,A,99999999999,0\n", r":2: tier_rank '99999999999' is no whole number"),
        ("2000-01-01,a,甲,A,1,1e20\n", r":2: lower_bound '1e20' is no number in plain digits"),
        ("2000-01-01,a,甲,A,1,1_000\n", r":2: lower_bound '1_000' is no number in plain digits"),
        ("2000-01-01,a,甲,A,1,５００\n", r":2: lower_bound '５００' is no number in plain digits"),
        (
            "2000-01-01,a,甲,A,1,99.995\n",
            r":2: lower_bound 99.995 has more decimals than are kept; round it yourself",
        ),
        ("2000-01-01,a,甲,A,1,0.004\n2000-01-01,b,乙,B,2,0\n", r":2: lower_bound 0.004 has more decimals"),
        (
            "2000-01-01,a,甲,A,1,12345678901234567\n",
            r":2: lower_bound 12345678901234567 is too large; at most 16 digits",
        ),
        ("2000-01-01,a\u200b,甲,A,1,0\n", r":2: tier 'a.*' has a sign that cannot be seen"),
        ("2000-01-01,a,甲,A,first,0\n", r":2: tier_rank .first. is no whole number"),
        ("2000-01-01,a,甲,A,1,much\n", r":2: lower_bound .much. is no number"),
        ("2000-01-01,a,甲,A,1,NaN\n", r":2: lower_bound .NaN. is no number"),
        ("2000-01-01,a,甲,A,1,-5\n", r":2: the lower bound -5"),
        ("2000-01-01,a,甲,A,1,5\n", r":2: the lowest tier a starts at 5; it must start at 0"),
        ("2000-01-01,lapsed,甲,A,1,0\n", r":2: tier code 'lapsed' cannot be used"),
        ("2000-01-01,all,甲,A,1,0\n", r":2: tier code 'all' cannot be used"),
        ("2000-01-01,a,,A,1,0\n", r":2: tier a has no label"),
        ("2000-01-01, a,甲,A,1,0\n", r":2: tier ' a' has blanks around it"),
        ("2000-01-01,a,甲,A,1\n", r":2: the line has not 6 fields"),
        ("", r"no tiers"),
    ],
)
def test_a_wrong_tier_policy_is_refused(folder: Path, rows: str, message: str) -> None:
    (folder / "tier_policy.csv").write_text(TIERS + rows, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"tier_policy\.csv.*" + message):
        read(folder)


@pytest.mark.parametrize(
    ("currency", "bound", "message"),
    [
        ("JPY", "500.00", None),
        (
            "JPY",
            "500.5",
            "lower_bound 500.5 has more decimals than are kept; round it yourself, to no decimals",
        ),
        ("KWD", "0.125", None),
        ("KWD", "0.1255", "lower_bound 0.1255 has more decimals .*, to at most 3 decimals"),
        ("KWD", "1" * 16, "is too large; at most 15 digits"),
        ("CLF", "0.1255", None),
    ],
)
def test_a_bound_has_the_decimals_of_the_currency(
    folder: Path, currency: str, bound: str, message: str | None
) -> None:
    rows = f"2000-01-01,a,甲,A,1,{bound}\n2000-01-01,b,乙,B,2,0\n"
    (folder / "tier_policy.csv").write_text(TIERS + rows, encoding="utf-8")
    given = Settings(home=folder.parent, currency=currency)
    if message is None:
        assert read_policies(given).tiers[0].lower_bound == Decimal(bound)
    else:
        with pytest.raises(SettingsError, match=rf"tier_policy\.csv:2: .*{message}"):
            read_policies(given)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            "tier_policy.csv",
            b"tier,rank\na,1\n",
            r"tier_policy.csv:1: the columns are \['tier', 'rank'\]; they must be valid_from",
        ),
        (
            "tier_policy.csv",
            GOOD_TIERS.encode("gbk"),
            r"tier_policy.csv: the policy file cannot be read: .*it is a UTF-8 CSV",
        ),
        ("tier_policy.csv", None, r"tier_policy.csv: the policy file cannot be read: .*No such file"),
        (
            "margin_rates.csv",
            b"category,margin_rate\nfood,25\n",
            r"margin_rates.csv:2: margin rate 25 is no share",
        ),
        (
            "margin_rates.csv",
            b"category,margin_rate\nfood,x\n",
            r"margin_rates.csv:2: margin_rate 'x' is no number",
        ),
        (
            "margin_rates.csv",
            b"category,margin_rate\nfood,nan\n",
            r"margin_rates.csv:2: margin_rate 'nan' is no number",
        ),
        (
            "margin_rates.csv",
            b"category,margin_rate\nfood,0.3333335\n",
            r"margin_rates.csv:2: margin_rate 0.3333335 has more decimals than are kept; .* at most 6 decimals",
        ),
        ("margin_rates.csv", b"category,margin_rate\nfood,1e-7\n", r":2: margin_rate '1e-7' is no number"),
        (
            "margin_rates.csv",
            b'category,margin_rate\n"two\nlines",0.1\n',
            r"margin_rates.csv:3: category 'two.nlines' has a sign that cannot be seen",
        ),
        (
            "peer_attributes.csv",
            "level,attribute\n１,region\n".encode(),
            r":2: level '１' is no whole number",
        ),
        ("peer_attributes.csv", "level,attribute\n²,region\n".encode(), r":2: level '²' is no whole number"),
        (
            "margin_rates.csv",
            b"category,margin_rate\nfood,.1\nfood,.2\n",
            r"margin_rates.csv:3: category 'food' is empty or stands twice",
        ),
        ("peer_attributes.csv", b"level,attribute\n2,region\n", r"levels are \[2\]; they must run 1, 2, 3"),
        ("peer_attributes.csv", b"level,attribute\n0,region\n", r":2: level 0 is no level"),
        ("peer_attributes.csv", b"level,attribute\n1,email\n", r":2: 'email' is no customer attribute"),
        (
            "peer_attributes.csv",
            b"level,attribute\n1,region\n1,region\n",
            r":3: region stands twice in level 1",
        ),
        (
            "defection_topics.csv",
            b"topic,why\nprice,price\n",
            r":1: the columns are .* they must be topic, reason",
        ),
        (
            "defection_topics.csv",
            b"topic,reason\nhours,inconvenience\nstaff,rudeness\n",
            r":3: 'rudeness' is no reason; use service_problem, .*, moved_away, or take the line out",
        ),
        ("defection_topics.csv", b"topic,reason\nhours,unknown\n", r":2: 'unknown' is no reason"),
        ("defection_topics.csv", b"topic,reason\nhours,\n", r":2: '' is no reason"),
        (
            "defection_topics.csv",
            b"topic,reason\nhours,inconvenience\nhours,price\n",
            r":3: topic hours stands twice; keep one",
        ),
        ("defection_topics.csv", b"topic,reason\n,price\n", r":2: the topic is empty; name one"),
    ],
)
def test_a_wrong_policy_file_is_refused(folder: Path, file: str, content: bytes | None, message: str) -> None:
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(SettingsError, match=message):
        read(folder)


@pytest.mark.parametrize(
    ("toml", "environment", "message"),
    [
        ("", {"MAINSTAY_TIMEZONE": "Mars/Olympus"}, "MAINSTAY_TIMEZONE: .*no timezone name"),
        ("", {"MAINSTAY_TIER_WINDOW_MONTHS": "many"}, "MAINSTAY_TIER_WINDOW_MONTHS: .*integer.*'many'"),
        ("tier_window_months = 0", {}, "MAINSTAY_TIER_WINDOW_MONTHS: .*greater than or equal to 1"),
        ("discount_rate = 0", {}, "MAINSTAY_DISCOUNT_RATE: .*greater than or equal to 0.001"),
        (
            "scenario_retention_points = 101",
            {},
            "MAINSTAY_SCENARIO_RETENTION_POINTS: .*less than or equal to 100",
        ),
        (
            "",
            {"MAINSTAY_TIER_WINDOW_MONTHS": "１２"},
            "MAINSTAY_TIER_WINDOW_MONTHS: .*integer in plain digits",
        ),
        (
            "",
            {"MAINSTAY_TIER_WINDOW_MONTHS": "1_2"},
            "MAINSTAY_TIER_WINDOW_MONTHS: .*integer in plain digits",
        ),
        ("", {"MAINSTAY_DISCOUNT_RATE": "1e-1"}, "MAINSTAY_DISCOUNT_RATE: .*number in plain digits"),
        ("tier_window_months = true", {}, "MAINSTAY_TIER_WINDOW_MONTHS: .*true is no figure"),
        ("grace_months = 1.5", {}, "MAINSTAY_GRACE_MONTHS: .*fractional part"),
        ("lock_timeout_seconds = inf", {}, "MAINSTAY_LOCK_TIMEOUT_SECONDS: .*finite number"),
        ("benchmark_quantile = nan", {}, "MAINSTAY_BENCHMARK_QUANTILE: .*finite number"),
        (
            "default_lapsed_days = 4000000000",
            {},
            "MAINSTAY_DEFAULT_LAPSED_DAYS: .*less than or equal to 36500",
        ),
        (
            "default_margin_rate = 0.3333335",
            {},
            "MAINSTAY_DEFAULT_MARGIN_RATE: .*0.3333335 has more decimals",
        ),
        ("", {"MAINSTAY_DEFAULT_MARGIN_RATE": "0.3333335"}, "MAINSTAY_DEFAULT_MARGIN_RATE: .*at most 6"),
        ("currency = 'yen'", {}, "MAINSTAY_CURRENCY: .*should match pattern"),
        ("tier_windw_months = 12", {}, "MAINSTAY_TIER_WINDW_MONTHS: Extra inputs"),
        ("timezone = Europe", {}, "mainstay.toml cannot be read"),
        ("a = 'ä'".encode("latin-1"), {}, "mainstay.toml cannot be read"),
        ("soft_landing = 'perhaps'", {}, "MAINSTAY_SOFT_LANDING"),
    ],
)
def test_wrong_settings_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    toml: str | bytes,
    environment: dict[str, str],
    message: str,
) -> None:
    (tmp_path / "mainstay.toml").write_bytes(toml.encode() if isinstance(toml, str) else toml)
    monkeypatch.setenv("MAINSTAY_HOME", str(tmp_path))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=message):
        load_settings()


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mainstay.toml").write_text("tier_window_months = 6\nsoft_landing = true\n", encoding="utf-8")
    monkeypatch.setenv("MAINSTAY_HOME", str(tmp_path))
    monkeypatch.setenv("MAINSTAY_TIER_WINDOW_MONTHS", "9")
    settings = load_settings()
    assert (settings.tier_window_months, settings.soft_landing, settings.new_customer_months) == (9, True, 3)


@pytest.mark.parametrize("name", ["shopp", "a-file", "~/shop"])
def test_a_home_that_is_not_there_is_refused_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "a-file").write_text("", encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    for command in (["status"], ["doctor"], ["nightly"], ["load"], ["publish", "--versions"]):
        result = mainstay(tmp_path / name, *command)
        says_one_thing(result, 2, "MAINSTAY_HOME", name, "`mainstay init FOLDER`")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("setting", ["contracts_dir", "policies_dir"])
def test_a_folder_that_is_named_and_not_there_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("MAINSTAY_HOME", str(folder.parent))
    (folder.parent / "mainstay.toml").write_text(f'{setting} = "elsewhere"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"MAINSTAY_{setting.upper()}: .*/elsewhere is not there"):
        load_settings()


def test_a_question_mark_in_the_path_of_the_warehouse_is_refused_and_elsewhere_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "shop?"
    home.mkdir()
    monkeypatch.setenv("MAINSTAY_HOME", str(home))
    with pytest.raises(SettingsError, match=r"\? in its name; rename that folder, or set MAINSTAY_VAR_DIR"):
        load_settings()
    monkeypatch.setenv("MAINSTAY_VAR_DIR", str(tmp_path / "var"))
    assert load_settings().home == home


def test_a_folder_of_odd_name_is_reached_by_a_plain_one(tmp_path: Path) -> None:
    odd = tmp_path / ODD_NAME / "var" / "warehouse"
    odd.mkdir(parents=True)
    path = plain(odd / "mainstay.duckdb")
    assert path.parts[-3:] == ("var", "warehouse", "mainstay.duckdb")
    assert path.parent.samefile(odd)
    assert not set(str(path)) & set("'\"#?$%{};*[]&~ \\")
    path.parents[2].unlink()  # a temporary folder is cleared now and then
    assert plain(odd / "mainstay.duckdb").parent.samefile(odd)
    assert plain(tmp_path / "Filiale Süd 门店") == tmp_path / "Filiale Süd 门店"


# What people type, and what only looks like a figure: digits of other scripts, exponents, separators, week dates.
signs = st.text(st.sampled_from("0123456789.-+_eE １２٣²W\t,\"'#;x"), max_size=9)
shares = signs | st.decimals(-1, 1, places=7).map(str) | st.decimals(-1, 1, places=6).map("{:f}".format)
bounds = (
    signs | st.decimals(0, 10**17, places=3).map(str) | st.decimals(1, 10**15, places=2).map("{:f}".format)
)
days = (
    signs | st.dates().map(str) | st.dates().map("{:%G-W%V-%u}".format) | st.dates().map("{:%Y%m%d}".format)
)
words = st.text(min_size=1, max_size=8) | st.sampled_from(
    ["null", "NULL", "'a", '"a"', 'a"b', "a;b", "#a", "茶 叶", "a\\b"]
)


strange = st.one_of(
    st.tuples(st.sampled_from(["category", "tier", "label_zh", "label_en"]), words),
    st.tuples(st.just("margin_rate"), shares),
    st.tuples(st.just("valid_from"), days),
    st.tuples(st.just("lower_bound"), bounds),
    st.tuples(st.just("tier_rank"), signs | st.sampled_from(["1", "１", "01", "+1", "²"])),
)


@pytest.mark.search
@settings(
    max_examples=examples(60, 200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(strange)
def test_what_passes_the_check_is_loaded_as_it_was_read(folder: Path, strange: tuple[str, str]) -> None:
    """Into the types of dbt's seeds, by the statement that dbt-duckdb loads seeds with."""
    column, value = strange
    best = ["2000-01-01", "a", "甲", "A", "1", "5"]
    for stem, row in (("margin_rates", ["food", "0.2"]), ("tier_policy", best)):
        names = list(SEEDS[stem])
        rows = [names, [value if name == column else field for name, field in zip(names, row, strict=True)]]
        if stem == "tier_policy":
            rows.append([rows[1][0], "b", "乙", "B", "2", "0"])
        with (folder / f"{stem}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
    refused = ""
    try:
        found = read_policies(Settings(home=folder.parent))
    except SettingsError as error:
        refused = str(error)
    if refused:
        assert re.search(r"(margin_rates|tier_policy)\.csv", refused)
        return
    for stem, expected in (
        ("margin_rates", [(name, Decimal(str(rate))) for name, rate in found.margin_rates.items()]),
        ("tier_policy", [tuple(vars(tier).values()) for tier in found.tiers]),
    ):
        with closing(duckdb.connect()) as connection:
            columns = ", ".join(f"{name} {type_}" for name, type_ in seed_types(stem, 2).items())
            connection.execute(f"create table seed ({columns})")
            connection.execute(
                f"copy seed from '{folder / stem}.csv' (format csv, header true, delimiter ',')"
            )
            assert connection.execute("select * from seed order by rowid").fetchall() == expected


def test_seeds_have_the_types_that_dbt_gives_them() -> None:
    project = yaml.safe_load((PROJECT_DIR / "dbt_project" / "dbt_project.yml").read_text(encoding="utf-8"))
    seeds = {name: s["+column_types"] for name, s in project["seeds"]["mainstay"].items() if name[0] != "+"}
    written = {
        name: {c: re.sub(r"\{\{.*\}\}", "2", t) for c, t in types.items()} for name, types in seeds.items()
    }
    assert written == {name: seed_types(name, 2) for name in SEEDS}
