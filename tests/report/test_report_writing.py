"""Writing the pages: whole or not at all, once per night, after a rollback too; words in every language; a night never fails."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from deployments import Deployment, create, mainstay, says_one_thing
from names_world import HOSTILE
from report_world import serve, shop, tables

from pipelines import steps
from pipelines.contracts import mart_contracts
from pipelines.contracts.policies import read_policies
from pipelines.errors import LockedError, PublishError, SettingsError
from pipelines.publish import files, publish
from pipelines.report import PAGES, report_or_reason, write_report
from pipelines.report import write as writing
from pipelines.report.languages import LANGUAGES
from pipelines.report.read import tier_names
from pipelines.report.retention import CURVES
from pipelines.report.texts import Texts, words
from pipelines.settings import Settings
from tests.end_to_end.nights_world import opened

pytestmark = pytest.mark.usefixtures("with_few_checks")

DAY = date(2026, 3, 2)


@pytest.fixture
def served(tmp_path: Path) -> Settings:
    settings = shop(tmp_path / "shop")
    serve(settings, tables())
    return settings


def pages(folder: Path) -> dict[str, bytes]:
    """The pages there, and whatever else begins like one."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if "report" in p.name}


def test_every_language_has_the_same_words_and_asks_for_the_same_names() -> None:
    first = words(LANGUAGES[0])
    assert len(first) > 100
    for language in LANGUAGES[1:]:
        other = words(language)
        assert sorted(other) == sorted(first)
        for key, text in first.items():
            assert sorted(re.findall(r"{(\w+)}", other[key])) == sorted(re.findall(r"{(\w+)}", text)), key
            assert other[key].strip(), key
    assert {Texts(language)("other.language") for language in LANGUAGES} == set(LANGUAGES)


@pytest.mark.soak
def test_sales_without_a_customer_are_told_beside_the_shares_and_are_no_tier(served: Settings) -> None:
    of_people = pages_text(write_report(served))
    rows = tables()
    anonymous = {
        "tier": "anonymous",
        "customer_count": 0,
        "customer_share": None,
        "revenue": 250_000.0,
        "revenue_share": None,
    }
    contribution = rows["tier_contribution_monthly"]
    contribution.append(contribution[-1] | anonymous | {"profit": 1_400.0})
    serve(served, rows, "20260402T040000_000000Z-manual")
    text = pages_text(write_report(served))
    assert (
        "Sales without a customer bring 250,000 besides (20.0% of all revenue), and profit of 1,400 (140.0%"
        in text
    )
    assert "Sales without a customer" not in of_people
    assert ">anonymous<" not in text


def pages_text(report: writing.Report) -> str:
    return html.unescape(report.paths["en"].read_text(encoding="utf-8"))


def test_a_page_asks_for_nothing_outside_itself(served: Settings) -> None:
    for path in write_report(served).paths.values():
        head = html.unescape(path.read_text(encoding="utf-8").partition("<script>")[0])
        assert "default-src 'none'" in head
        assert path.read_bytes().endswith(b"</html>\n")
        assert re.findall(r"""(?:src|href|action)\s*=\s*["']?(?!#|data:|report\.)[^"'>\s]+""", head) == []


@pytest.mark.soak
def test_pages_of_the_same_night_are_left_alone_and_those_of_another_are_not(served: Settings) -> None:
    first = write_report(served, anew=False)
    assert not first.unchanged
    before = {path: path.stat().st_ino for path in first.paths.values()}
    again = write_report(served, anew=False)
    assert again.unchanged
    assert {path: path.stat().st_ino for path in again.paths.values()} == before

    (served.policies / "tier_policy.csv").write_text(
        (served.policies / "tier_policy.csv").read_text("utf-8").replace("Diamond", "Platinum"),
        encoding="utf-8",
    )
    assert not write_report(served, anew=False).unchanged
    assert b"Platinum" in first.paths["en"].read_bytes()

    first.paths["zh-CN"].unlink()
    assert not write_report(served, anew=False).unchanged

    serve(served, tables(), "20260402T040000_000000Z-manual")
    assert not write_report(served, anew=False).unchanged
    for path in first.paths.values():
        assert b"20260402T040000_000000Z-manual" in path.read_bytes()


def test_a_full_disk_leaves_the_pages_before_and_nothing_half(
    served: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report(served)
    before = pages(served.serving)
    assert sorted(before) == sorted(PAGES.values())
    serve(served, tables(), "20260402T040000_000000Z-manual")
    synced: list[Path] = []

    def full(path: Path) -> None:
        synced.append(path)
        if len(synced) == 2:
            raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(files, "fsync", full)
    with pytest.raises(PublishError, match=r"the report cannot be written there: .*No space left.*--out"):
        write_report(served)
    assert pages(served.serving) == before
    said = report_or_reason(served)
    assert said.endswith("report.html")  # the disk has room again


def test_what_a_killed_run_left_is_cleared_by_the_next(served: Settings) -> None:
    write_report(served)
    for is_up_to_date in (True, False):
        if not is_up_to_date:
            serve(served, tables(), "20260402T040000_000000Z-manual")
        for name in PAGES.values():
            (served.serving / f".{name}.partial").write_text("half a pa", encoding="utf-8")
        assert write_report(served, anew=False).unchanged is is_up_to_date
        assert sorted(pages(served.serving)) == sorted(PAGES.values())


def test_a_page_is_written_while_a_run_writes_and_says_what_it_could_not_read(served: Settings) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom pipelines.warehouse.lock import warehouse_lock\n"
        "from pipelines.settings import Settings\n"
        "with warehouse_lock(Settings(home=Path(sys.argv[1])), 'build', 'run-7'):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    served.warehouse.parent.mkdir(parents=True)
    served.warehouse.write_bytes(b"")
    with subprocess.Popen(
        [sys.executable, "-c", code, str(served.home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        impatient = served.model_copy(update={"lock_timeout_seconds": 0.1})
        text = write_report(impatient).paths["en"].read_text(encoding="utf-8")
        process.communicate()
    assert "The ledger could not be read" in text
    assert f"process {process.pid}" in text


def test_without_a_published_night_the_command_says_what_to_do(tmp_path: Path) -> None:
    home = shop(tmp_path / "shop").home
    says_one_thing(mainstay(home, "report"), 7, "nothing is published yet", "mainstay nightly")
    (home / "var" / "serving").mkdir(parents=True)
    says_one_thing(mainstay(home, "report"), 7, "nothing is published yet", "mainstay nightly")
    assert pages(home / "var" / "serving") == {}


def test_the_command_writes_into_another_folder_and_names_the_pages(served: Settings, tmp_path: Path) -> None:
    target = tmp_path / "to" / "send"
    done = mainstay(served.home, "report", "--out", str(target), "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["paths"] == {language: str(target / name) for language, name in PAGES.items()}
    assert said["size_bytes"] == sum(map(len, pages(target).values()))
    assert sorted(pages(target)) == sorted(PAGES.values())
    assert pages(served.serving) == {}

    (tmp_path / "file").write_text("")
    says_one_thing(
        mainstay(served.home, "report", "--out", str(tmp_path / "file")),
        7,
        "cannot be written there",
        "--out",
    )
    assert len(list(target.iterdir())) == len(PAGES)


def test_two_writers_take_turns(served: Settings) -> None:
    impatient = served.model_copy(update={"lock_timeout_seconds": 0.1})
    with files.exclusive(served.serving, 0), pytest.raises(LockedError):
        write_report(impatient)


def test_a_wrong_policy_is_said_and_no_page_is_touched(served: Settings) -> None:
    write_report(served)
    before = pages(served.serving)
    (served.policies / "tier_policy.csv").write_text("tier\ngold\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"tier_policy\.csv:1"):
        write_report(served)
    assert "tier_policy.csv:1" in report_or_reason(served)
    assert pages(served.serving) == before


def test_the_newest_policys_tiers_come_first_by_rank_then_old_ones_then_new() -> None:
    names = tier_names(Settings())
    newest = max(t.valid_from for t in read_policies(Settings()).tiers)
    assert names.order == tuple(t.tier for t in read_policies(Settings()).tiers if t.valid_from == newest)
    found = names.sorted({"none", "lapsed", "new", "bronze", *names.order})
    assert found == [*names.order, "bronze", "new", "lapsed", "none"]
    assert [names.label(c, Texts("zh-CN")) for c in ("diamond", "new", "bronze")] == [
        "钻石",
        "新客户",
        "bronze",
    ]
    assert names.label(HOSTILE, Texts("en")) == HOSTILE


def test_neither_the_command_line_nor_the_dags_import_what_draws() -> None:
    code = (
        "import sys\nimport pipelines.cli, pipelines.steps, pipelines.report\n"
        "assert 'pipelines.report' in sys.modules\nassert not {'babel', 'pipelines.report.page'} & sys.modules.keys()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def lines(deployment: Deployment) -> None:
    """Fourteen months of purchases by sixty customers, in one file."""
    first = DAY - timedelta(days=420)
    deployment.land(
        "transactions",
        DAY,
        [
            {
                "transaction_id": f"t{customer}-{visit}",
                "line_number": 1,
                "customer_id": f"c{customer}",
                "transaction_at": f"{first + timedelta(days=customer + visit * (7 + customer)):%Y-%m-%d} 10:00:00",
                "quantity": 1,
                "net_amount": f"{20 * (customer + 1)}.00",
            }
            for customer in range(60)
            for visit in range(420)
            if customer + visit * (7 + customer) <= 420
        ],
    )


@pytest.mark.soak
def test_a_night_and_a_rollback_write_the_pages_and_stand_also_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop = create(tmp_path)
    settings = shop.settings
    lines(shop)
    run_id = opened(shop, "nightly", DAY)
    steps.load(settings, run_id, DAY, DAY)
    steps.fit(settings, run_id, DAY)  # and all that comes before
    steps.validate(settings, run_id, "marts", DAY, DAY)
    steps.publish(settings, run_id, DAY)
    [(detail,)] = shop.query("select detail from ops.steps where step = 'publish'")
    assert json.loads(detail)["report"] == str(settings.serving / "report.html")
    assert sorted(pages(settings.serving)) == sorted(PAGES.values())
    text = (settings.serving / "report.html").read_text(encoding="utf-8")
    drawn = set(re.findall(r'id="(\w+)-figure"', text))
    curves = {f"survival_{curve}" for curve in CURVES}
    assert drawn == {
        *("flows", "status", "pyramid", "contribution", "wallet"),
        *("tiers_trend", "moves_trend", "stages_trend", "wallet_trend"),
        *curves,
    }
    # The figures of the night, a chapter, and the charts of loyalty, whose stages are known without feedback.
    assert text.count("No feedback is loaded") == 5
    assert "only 60 buyers; a fit needs 500" in text
    quality = text.split('<section id="quality"')[1]
    assert re.search(r'<th scope="row">marts</th><td>\d{2,}</td><td>0</td><td>0</td>', quality)
    [(rows,)] = shop.query("select count(*) from raw.transactions")
    assert re.search(
        rf'<th scope="row">transactions</th><td>{rows:,}</td><td>{rows:,}</td><td>0</td><td>0</td>', quality
    )

    def broken(*_: object) -> dict[str, str]:
        raise ValueError("a chart went wrong")

    for path in settings.serving.glob("report*"):
        path.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(writing, "_rendered", broken)
        summary = steps.publish(settings, opened(shop, "publish", DAY), DAY)
    assert summary["report"] == "not written: a chart went wrong"
    assert "a chart went wrong" in caplog.text
    assert shop.query("select status from ops.steps where step = 'publish' order by sequence")[-1] == (
        "success",
    )
    assert pages(settings.serving) == {}

    assert steps.publish(settings, opened(shop, "publish", DAY), DAY)["report"].endswith("report.html")
    assert sorted(pages(settings.serving)) == sorted(PAGES.values())

    # The same marts, said to be of the next date: another night to come back from.
    publish(settings, "run-2", DAY + timedelta(days=1), mart_contracts())
    assert report_or_reason(settings).endswith("report.html")
    assert b"3 March 2026</title>" in (settings.serving / "report.html").read_bytes()
    done = mainstay(settings.home, "publish", "--rollback", "--json")
    assert json.loads(done.stdout)["report"] == str(settings.serving / "report.html")
    assert b"2 March 2026</title>" in (settings.serving / "report.html").read_bytes()
