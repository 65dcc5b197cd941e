"""`mainstay build --select` builds some marts by hand, and nothing is published on it; a run's reason is kept and shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from deployments import Deployment, create, mainstay, says_one_thing
from nights_world import sales
from receiver import Receiver, names, receiver

from pipelines import steps
from tests.end_to_end.test_stale_dates import DAYS

pytestmark = pytest.mark.usefixtures("with_few_checks")

DAY = DAYS[0]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    deployment = create(tmp_path_factory.mktemp("selected") / "shop")
    deployment.land("transactions", DAY, sales(DAY))
    deployment.load()
    return deployment


def test_without_marts_there_is_nothing_to_select_among(shop: Deployment) -> None:
    result = mainstay(shop.settings.home, "build", "--select", "tier_contribution_monthly")
    says_one_thing(result, 5, "no whole marts", "run `mainstay build` first")


PARENT = "019562be-6600-7f37-858c-61a94e481349"


def test_a_selected_build_makes_its_models_alone_and_is_not_published(
    shop: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    home = shop.settings.home
    with receiver() as lineage, monkeypatch.context() as patch:
        patch.setenv("OPENLINEAGE_PARENT_ID", f"mainstay/mainstay_nightly.build/{PARENT}")
        shop.fit(DAY, openlineage_url=lineage.url)
    _tells_each_model(lineage)
    whole = shop.query("select * from marts.tier_contribution_monthly order by all")
    unknown = mainstay(home, "build", "--select", "tier_contribution_monthl+")
    says_one_thing(
        unknown, 2, "no model is selected by 'tier_contribution_monthl+'", "tier_contribution_monthly"
    )
    other = mainstay(home, "build", "--select", "dim_customers", "--as-of", str(DAYS[1]))
    says_one_thing(other, 5, f"the marts stand as of {DAY}, not {DAYS[1]}")
    # A receiver of lineage that is down fails no build.
    nobody = {"MAINSTAY_OPENLINEAGE_URL": "http://user:secret@127.0.0.1:9"}
    built = mainstay(home, "build", "--select", "tier_contribution_monthly+", "--json", **nobody)
    assert built.exit_code == 0, built.output
    assert "lineage was not sent to MAINSTAY_OPENLINEAGE_URL: ConnectionError" in caplog.text
    assert "secret" not in caplog.text + built.output
    summary = json.loads(built.stdout)
    assert (summary["models"], summary["selected"]) == (1, "tier_contribution_monthly+")
    assert summary["tests"] >= 2
    assert shop.query("select * from marts.tier_contribution_monthly order by all") == whole
    says_one_thing(
        mainstay(home, "publish"), 5, "made only tier_contribution_monthly+ anew", "mainstay build"
    )
    [(status,)] = shop.query(
        "select status from ops.steps where step = 'build' order by sequence desc limit 1"
    )
    assert status == "partial"


def _tells_each_model(lineage: Receiver) -> None:
    """What each model reads and writes, as part of the task that had it built, and nothing of any row."""
    lineage.require_valid()
    started, ended = lineage.of("mainstay.marts.mainstay.fct_transactions.build.run")
    assert (started["eventType"], ended["eventType"]) == ("START", "COMPLETE")
    assert ended["run"]["facets"]["parent"]["run"]["runId"] == PARENT
    assert names(ended["outputs"]) == {"mainstay.marts.fct_transactions"}
    assert {"mainstay.staging.stg_transactions", "mainstay.staging.stg_products"} <= names(ended["inputs"])
    [fields] = [d["facets"]["schema"]["fields"] for d in ended["outputs"]]
    assert {"net_amount", "customer_id"} <= {field["name"] for field in fields}
    text = json.dumps(lineage.events)
    assert not [n for n in range(5) if f"c{n}" in re.findall(r"\bc\d\b", text)]


def test_a_runs_reason_is_kept_and_shown(tmp_path: Path) -> None:
    deployment = create(tmp_path / "shop")
    steps.start(deployment.settings, "run", "backfill", DAY, reason="the till's [export] was late")
    assert deployment.query("select reason from ops.runs") == [("the till's [export] was late",)]
    shown = mainstay(deployment.settings.home, "status")
    assert "run: the till's [export] was late" in shown.output
