"""Which files the API server gives out."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.orchestrate.pages import page_file
from pipelines.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path)
    for path in (
        settings.serving / "report.html",
        settings.serving / "marts.duckdb",
        settings.docs / "index.html",
        settings.warehouse,
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (settings.docs / "way-out.html").symlink_to(settings.warehouse)
    return settings


def test_the_report_and_the_check_pages_are_given_out(settings: Settings) -> None:
    assert page_file(settings, "report.html") == settings.serving / "report.html"
    assert page_file(settings, "checks/index.html") == settings.docs / "index.html"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "report.zh-CN.html",
        "marts.duckdb",
        "checks",
        "checks/",
        "checks/other.html",
        "checks/../warehouse/mainstay.duckdb",
        "checks//etc/passwd",
        "checks/way-out.html",
    ],
)
def test_nothing_else_is(settings: Settings, name: str) -> None:
    assert page_file(settings, name) is None
