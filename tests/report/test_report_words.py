"""What a manager must know beside a figure stands in words, in both languages."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from report_world import serve, shop, tables

from pipelines.contracts import mart_contracts
from pipelines.report import PAGES, write_report
from pipelines.report.care import COLOURS as CARE
from pipelines.report.defections import BASES
from pipelines.report.loyalty import KINDS
from pipelines.report.retention import CURVES
from pipelines.report.slipping import STATUSES
from pipelines.report.texts import words
from pipelines.report.trends import MOVES, STAGES
from pipelines.warehouse import standing

ALIVE = {"en": "Nobody seems to leave: this is the NBD.", "zh-CN": "看不出有人离开：此时模型就是 NBD。"}
NO_MAXIMUM = {"en": "do not tell pace from leaving", "zh-CN": "分不清是买得慢还是已离开"}
BENCHMARK = {"en": "The wallets are a benchmark only", "zh-CN": "这里的钱夹只是参照值"}
SURVEYED = {"en": "Of 4 customers, 1 told in a survey", "zh-CN": "4 位客户中，有 1 位在调查中"}
ASSUMED = {"en": "The wallets of the other 75% are a benchmark", "zh-CN": "其余 75% 的客户，钱夹只是参照值"}
ALIKE = {"en": "2 of them have one and the same wallet, 400", "zh-CN": "其中 2 位的钱夹是同一个数（400）"}


@pytest.mark.parametrize("language", PAGES)
def test_a_limit_is_named_and_what_it_means_is_said(tmp_path: Path, language: str) -> None:
    settings = shop(tmp_path)
    serve(settings, tables())
    text = write_report(settings).paths[language].read_text(encoding="utf-8")
    assert text.count(ALIVE[language]) == 2  # the models on both samples
    for says in (SURVEYED, ASSUMED):
        assert says[language] in text
    assert BENCHMARK[language] not in text


@pytest.mark.parametrize("language", PAGES)
def test_wallets_that_are_alike_by_method_are_called_no_finding(tmp_path: Path, language: str) -> None:
    settings = shop(tmp_path)
    content = tables()
    for row in content["share_of_wallet_monthly"]:
        row["wallet"] = 400.0 if row["wallet"] == 50.0 else row["wallet"]
    serve(settings, content)
    assert ALIKE[language] in write_report(settings).paths[language].read_text(encoding="utf-8")


@pytest.mark.parametrize("language", PAGES)
def test_the_first_cohort_says_that_it_was_there_already(tmp_path: Path, language: str) -> None:
    settings = shop(tmp_path)
    content = tables()
    content["retention_cohorts_monthly"] = content["retention_cohorts_monthly"][-15:]
    serve(settings, content)
    text = write_report(settings).paths[language].read_text(encoding="utf-8")
    first = {"en": "Nov 2025, already there", "zh-CN": "2025年11月（原有客户）"}
    assert text.count(f">{first[language]}<") == 1


@pytest.mark.parametrize("language", PAGES)
def test_days_of_care_are_those_of_the_settings_in_force(tmp_path: Path, language: str) -> None:
    settings = shop(tmp_path).model_copy(update={"care_on_time_days": 3, "care_late_days": 21})
    serve(settings, tables())
    text = write_report(settings).paths[language].read_text(encoding="utf-8")
    says = {"en": "up to 3 days ago, overdue up to 21", "zh-CN": "3 天以内未完成为到期，21 天以内为逾期"}
    assert says[language] in text


@pytest.mark.parametrize("language", PAGES)
def test_reasons_and_a_benchmark_without_surveys_are_said_in_the_report_s_language(
    tmp_path: Path, language: str
) -> None:
    settings = shop(tmp_path)
    content = tables()
    for row in content["model_fits"]:
        row.update(
            is_published=False, reason="the fit's own words", reason_code="no_maximum", limit_model=None
        )
    for row in content["share_of_wallet_monthly"]:
        row["method"] = "benchmark"
    serve(settings, content)
    text = write_report(settings).paths[language].read_text(encoding="utf-8")
    assert NO_MAXIMUM[language] in text
    assert "own words" not in text
    assert BENCHMARK[language] in text


def test_a_night_of_an_earlier_version_has_no_limits_and_is_shown(tmp_path: Path) -> None:
    settings = shop(tmp_path)
    serve(settings, tables())
    with duckdb.connect(str(settings.serving / "marts.duckdb")) as connection:
        for column in ("reason_code", "limit_model"):
            connection.execute(f"alter table model_fits drop column {column}")
    assert "Log-likelihood" in write_report(settings).paths["en"].read_text(encoding="utf-8")


def test_every_curve_and_every_simulated_part_has_words() -> None:
    assert set(allowed("survival_curves", "curve")) <= set(CURVES)
    assert standing._SIMULATED
    for name, _ in standing._SIMULATED:
        assert f"notice.{name.replace(' ', '_')}" in words("en")


def test_every_status_reason_driver_and_kind_of_loyalty_has_words_and_a_colour() -> None:
    assert set(allowed("customer_retention", "status")) == set(STATUSES)
    assert set(allowed("defections", "reason_basis")) == set(BASES)
    assert set(allowed("loyalty_matrix_summary", "loyalty")) == set(KINDS)
    assert set(allowed("care_schedule", "status")) == {*CARE, "upcoming"}
    assert set(allowed("relationship_stages_monthly", "stage")) == set(STAGES)
    assert set(MOVES) < set(allowed("customer_tiers_monthly", "movement"))
    for mart, column, group in (
        ("care_schedule", "status", "schedule"),
        ("recommendation_evaluation", "list", "offers"),
        ("recommendation_evaluation", "method", "offers.methods"),
        ("relationship_stages_monthly", "stage", "stages_trend"),
        ("share_of_wallet_monthly", "wallet_quadrant", "wallet"),
        ("model_fits", "model", "models"),
        ("model_fits", "sample", "samples"),
        ("model_fits", "reason_code", "reasons"),
        ("model_fits", "limit_model", "limits"),
        ("customer_retention", "status", "status"),
        ("defections", "reason", "reason_names"),
        ("defections", "reason_basis", "defections"),
        ("loyalty_matrix_summary", "loyalty", "matrix"),
        ("loyalty_drivers_monthly", "driver", "drivers.names"),
    ):
        for value in allowed(mart, column):
            for language in PAGES:
                assert f"{group}.{value}" in words(language), value


def allowed(mart: str, column: str) -> tuple[str, ...]:
    """The values that a mart's contract allows in a column."""
    [found] = [c for c in mart_contracts()[mart].columns if c.name == column]
    assert found.allowed
    return tuple(found.allowed)
