"""What a manager must know beside a figure stands in words, in both languages."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from report_world import serve, shop, tables

from pipelines.contracts import mart_contracts
from pipelines.report import PAGES, write_report
from pipelines.report.defections import BASES
from pipelines.report.loyalty import KINDS
from pipelines.report.retention import CURVES
from pipelines.report.slipping import STATUSES
from pipelines.report.texts import words
from pipelines.warehouse import standing

ALIVE = {"en": "Nobody seems to leave: this is the NBD.", "zh-CN": "看不出有人离开：此时模型就是 NBD。"}
NO_MAXIMUM = {"en": "do not tell pace from leaving", "zh-CN": "分不清是买得慢还是已离开"}
BENCHMARK = {"en": "The wallets are a benchmark only", "zh-CN": "这里的钱夹只是参照值"}
SURVEYED = {"en": "Of 4 customers, 1 told in a survey", "zh-CN": "4 位客户中，有 1 位在调查中"}


@pytest.mark.parametrize("language", PAGES)
def test_a_limit_is_named_and_what_it_means_is_said(tmp_path: Path, language: str) -> None:
    settings = shop(tmp_path)
    serve(settings, tables())
    text = write_report(settings).paths[language].read_text(encoding="utf-8")
    assert text.count(ALIVE[language]) == 2  # the models on both samples
    assert SURVEYED[language] in text
    assert BENCHMARK[language] not in text


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
    for mart, column, group in (
        ("customer_retention", "status", "status"),
        ("defections", "reason", "reason_names"),
        ("defections", "reason_basis", "defections"),
        ("loyalty_matrix_summary", "loyalty", "matrix"),
        ("loyalty_drivers_monthly", "driver", "drivers.names"),
    ):
        for value in allowed(mart, column):
            assert f"{group}.{value}" in words("en"), value


def allowed(mart: str, column: str) -> tuple[str, ...]:
    """The values that a mart's contract allows in a column."""
    [found] = [c for c in mart_contracts()[mart].columns if c.name == column]
    assert found.allowed
    return tuple(found.allowed)
