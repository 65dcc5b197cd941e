"""`mainstay docs`: one page of what dbt knows, that opens without a network and holds nothing of rows or of this machine."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from deployments import Deployment, create, mainstay, says_one_thing

from pipelines.contracts import mart_contracts
from pipelines.settings import PROJECT_DIR
from pipelines.transform import docs, variables
from pipelines.transform.run import parsed_project
from pipelines.warehouse.stale import context_hash
from tests.report.browser import chromium, opened


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """One with policies and nothing else: no warehouse, and so none that could be locked."""
    return create(tmp_path_factory.mktemp("docs") / "shop")


@pytest.fixture(scope="module")
def page(deployment: Deployment) -> Path:
    result = mainstay(deployment.settings.home, "docs")
    assert result.exit_code == 0, result.output
    path = Path(result.stdout.splitlines()[-1])
    assert path == deployment.settings.dbt_docs
    assert not deployment.settings.warehouse.exists()
    return path


def test_the_page_has_every_mart_and_metric_and_is_the_owners_alone(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in (
        *(f"model.mainstay.{mart}" for mart in mart_contracts()),
        "metric.mainstay.revenue",
        "exposure.mainstay.report",
    ):
        assert f'"{name}"' in text, name
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert stat.S_IMODE(page.parent.stat().st_mode) == 0o700
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]


def test_the_page_says_nothing_of_this_machine_nor_of_made_up_rows(
    page: Path, deployment: Deployment
) -> None:
    text = page.read_text(encoding="utf-8")
    for place in (deployment.settings.home, PROJECT_DIR, Path.home()):
        assert str(place) not in text
    assert "unit_test.mainstay." not in text


@pytest.mark.soak
def test_the_page_opens_without_a_request_and_a_description_stays_text(
    page: Path, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = deployment.settings
    manifest = parsed_project(settings, context_hash(settings, variables(settings)))
    node = manifest.nodes["model.mainstay.dim_dates"]
    monkeypatch.setattr(
        node, "description", "One row </script><script>document.title = 'taken'</script> per day."
    )
    hostile = tmp_path / "hostile.html"
    hostile.write_text(docs._page(manifest), encoding="utf-8")
    with chromium() as browser:
        for path in (page, hostile):
            with opened(browser, path) as seen:
                seen.page.evaluate("location.hash = '!/model/model.mainstay.dim_dates'")
                seen.page.wait_for_selector("text=days_before_as_of")
                assert "days_before_as_of" in seen.text()
                assert seen.page.title() == "dbt Docs"
                assert seen.requests == []
                assert seen.problems == []


def test_a_page_that_cannot_be_written_is_one_sentence(deployment: Deployment, tmp_path: Path) -> None:
    (tmp_path / "dbt_docs").write_text("in the way")
    result = mainstay(deployment.settings.home, "docs", MAINSTAY_VAR_DIR=str(tmp_path))
    says_one_thing(result, 10, "dbt_docs", "cannot be read or written")
    assert (tmp_path / "dbt_docs").read_text() == "in the way"


def test_a_dbt_whose_page_has_another_form_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "index.html"
    other.write_text("<head></head>")
    monkeypatch.setattr("dbt.task.docs.DOCS_INDEX_FILE_PATH", str(other))
    with pytest.raises(docs.BuildError, match="has no place for manifest"):
        docs._page(None)
