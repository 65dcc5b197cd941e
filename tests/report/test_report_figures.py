"""The figures of the night and the sentences beside the charts: each with its month, its interval, and why it is a dash."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from names_world import MONTH
from report_world import Tables, serve, shop, tables

from pipelines.publish import current
from pipelines.report import header
from pipelines.report.defections import win_back
from pipelines.report.intervals import newcombe, wilson
from pipelines.report.languages import LANGUAGES
from pipelines.report.page import chapters, render
from pipelines.report.quality import Quality
from pipelines.report.read import Night, Rows, read_night
from pipelines.report.style import Chart
from pipelines.report.texts import Texts
from pipelines.warehouse import standing

EN = Texts("en")


def night(folder: Path, content: Tables) -> Night:
    settings = shop(folder)
    serve(settings, content)
    published = current(settings)
    assert published is not None
    return read_night(settings, published)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return night(tmp_path_factory.mktemp("shop"), tables())


def figures(found: Night) -> dict[str, list[tuple[str, str]]]:
    return {
        line.key: [(cell.value, cell.small) for cell in line.cells]
        for line in header.figures(found, EN).lines
    }


def charts(found: Night) -> dict[str, Chart]:
    return {chart.key: chart for part in chapters(found, EN) for chart in part.charts}


def but(found: Night, **rows: Rows) -> Night:
    """The same night with other rows of some charts."""
    return replace(found, rows={**found.rows, **rows})


def test_the_figures_are_of_the_last_complete_month_the_one_before_and_the_year_before(usual: Night) -> None:
    assert [cell.value for cell in header.figures(usual, EN).months] == [
        "March 2026",
        "February 2026",
        "March 2025",
    ]
    assert figures(usual) == {
        "active": [("103", ""), ("102", "+1.0%"), ("91", "+13.2%")],
        "revenue": [("1,520", ""), ("1,200", "+26.7%"), ("–", "")],
        "retention": [("90.2%", ""), ("90.1%", "+0.1 pts"), ("88.9%", "+1.3 pts")],
        "nps": [("+30", "+15 to +45")] * 3,
        "wallet": [("40.0%", ""), ("40.0%", "0.0 pts"), ("40.0%", "0.0 pts")],
        # 60 days away at the end of March, 29 at the end of February; a return is no purchase day.
        "at_risk": [("840", ""), ("0", ""), ("0", "")],
    }
    assert header.figures(usual, EN).dashes == ["Revenue, March 2025: no sales."]
    assert header.figures(usual, EN).today == (
        "To be called now, as of 31 March 2026: customers at risk: 1, worth 840 a year."
    )


def test_what_was_not_there_a_year_ago_is_a_dash_and_says_why(tmp_path: Path) -> None:
    content = tables() | {"feedback_summary_monthly": []}
    for name in ("retention_flows_monthly", "share_of_wallet_summary_monthly"):
        content[name] = [row for row in content[name] if row["month"] > date(2025, 6, 1)]
    found = night(tmp_path, content)
    assert [cells[2] for cells in figures(found).values()] == [("–", "")] * 6
    assert header.figures(found, EN).dashes == [
        "March 2025: the data begin in July 2025, so there is nothing to set beside it.",
        "No feedback is loaded, so nothing is known here: no answers, no complaints.",
    ]


def test_in_the_first_month_there_is_that_month_alone(tmp_path: Path) -> None:
    """Running, so that nothing is complete, and with not one answer of either kind."""
    nothing: dict[str, Any] = {"is_complete_month": False}
    unheard = dict.fromkeys(
        ("nps", "nps_ci_low", "nps_ci_high", "csat_rate", "response_hours_median", "response_hours_p90"),
        None,
    ) | {"nps_answers": 0, "csat_answers": 0, "csat_satisfied": 0, "loop_closed_rate": None}
    content = tables()
    for name, rows in content.items():
        content[name] = [
            {**row, **{key: value for key, value in nothing.items() if key in row}}
            for row in rows
            if row.get("month", MONTH) == MONTH
        ]
    for row in content["feedback_summary_monthly"]:
        row.update(unheard)
    for row in content["retention_flows_monthly"]:
        row.update(opening=0, retention_rate=None)
    content["complaint_causes_monthly"] = []
    content["defections_summary_monthly"] = []
    found = night(tmp_path, content)
    assert header.figures(found, EN).months[0].value == "March 2026, up to 31 March 2026"
    assert figures(found)["active"] == [("103", ""), ("–", ""), ("–", "")]
    assert set(header.figures(found, EN).dashes) == {
        "February 2026: the data begin in March 2026, so there is nothing to set beside it.",
        "March 2025: the data begin in March 2026, so there is nothing to set beside it.",
        "Retention, March 2026: nobody was a customer yet when that month began.",
        "NPS, March 2026: nobody answered.",
    }
    drawn = charts(found)
    assert drawn["flows"].figure is not None
    assert len(drawn["flows"].figure["data"][0]["y"]) == 1
    assert drawn["scores"].why_not
    assert drawn["causes"].why_not == (EN("causes.too_early"),)
    assert "within – hours" in drawn["care"].finding


def test_findings_say_what_the_figures_say(usual: Night) -> None:
    drawn = charts(usual)
    for key, says in {
        "flows": "March 2026: 10 lapsed (9.8% of those at the start), 6 came back, 5 were new; 103 remain.",
        # 3 at 100, 2 at 40, one at 900; the second lapse of one of them costs nothing more.
        "defections": "In the 12 months up to March 2026 there were 7 defections, and with them went 1,280 of yearly spend. "
        "The reason is unknown for 29% of them (worth 900).",
        "win_back": "Of those contacted 50.0% came back, of the others 20.0%: +30.0 percentage points "
        "(95 % interval +10.3 to +47.2). That is more than chance would make it.",
        "scores": "NPS was +30 in March 2026 (95 % interval +15 to +45), +30 in March 2025: that may be chance.",
        "causes": "Causes that make up 60% of complaints: Checkout. Rising beyond chance: ",
        "matrix": "Of 480 customers who bought in the last 12 months, 80 said how they like us.",
        "drivers": "Those who rate these high come back more often than those who rate them low, beyond chance: "
        "Service quality.",
        "schedule": "As of 31 March 2026, 2 contacts are due and 3 overdue, with 3 customers; 5 were missed. Of the 20 contacts "
        "whose day has come, 50% were made. For 1 of the customers to call there is no channel",
        "ageing": "Customers hold 10,000 points worth 100 CNY; 500 of them (5%) expire at the end of April 2026.",
        "liability": "March 2026: 83 CNY of revenue is deferred for 10,000 points; 20 CNY became revenue in the month.",
        "offers": "Buy again: 62.0% of 800 customers had something of their ten in the next basket; by their own most "
        "frequent products it would have been 60.0% (+2.0 percentage points). Discover: 12.0% of 800 customers",
    }.items():
        assert drawn[key].finding.startswith(says), key


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ((0, 0, 0, 0), None),
        ((0, 0, 50, 10), "None of these 50 customers was contacted"),
        ((50, 10, 0, 0), "All of these 50 customers were contacted"),
        ((29, 10, 500, 100), "29 were contacted and 500 were not: with fewer than 30"),
        ((100, 20, 100, 25), "do not tell whether contacts help"),
        ((100, 5, 100, 60), "The contacted come back less often"),
    ],
)
def test_contacted_and_not_contacted_are_compared_only_where_that_tells(
    usual: Night, counts: tuple[int, ...], says: str | None
) -> None:
    row = dict(zip(("contacted", "contacted_back", "others", "others_back"), counts, strict=True))
    chart = win_back(but(usual, win_back=[row]), EN)
    assert (says or "") in chart.finding
    assert bool(chart.figure) is (counts[0] > 0 and counts[2] > 0)
    assert bool(chart.why_not) is (says is None)


def test_nothing_to_compare_is_said_in_a_sentence(usual: Night) -> None:
    nothing = {
        **dict.fromkeys(("retention_difference", "difference_ci_low", "difference_ci_high")),
        **dict.fromkeys(("high_retention_rate", "low_retention_rate", "mean_score", "score_standard_error")),
    }
    rows = {name: usual.rows[name] or [] for name in ("drivers", "matrix", "status", "defections")}
    drawn = charts(
        but(
            usual,
            drivers=[row | nothing for row in rows["drivers"]],
            matrix=[row | {"loyalty": "unknown_attitude"} for row in rows["matrix"]],
            status=[row for row in rows["status"] if row["status"] != "at_risk"],
            defections=[row for row in rows["defections"] if row["reason"] == "unknown"],
        )
    )
    assert "no driver had enough high and low raters" in drawn["drivers"].why_not[0]
    assert drawn["drivers"].table is not None
    assert drawn["matrix"].why_not == (EN("missing.feedback"),)
    assert drawn["status"].finding == "Nobody is at risk."
    assert drawn["defections"].figure is not None
    assert "costliest" not in drawn["defections"].finding


def test_without_a_programme_of_points_care_or_an_evaluation_a_sentence_says_so(usual: Night) -> None:
    drawn = charts(but(usual, schedule=[], ageing=[], liability=[], offers=[]))
    for key, says in {
        "schedule": "Nobody is on the schedule of care",
        "ageing": "There is no points programme",
        "liability": "There is no points programme",
        "offers": "No list can be measured yet",
    }.items():
        assert drawn[key].figure is None
        assert drawn[key].why_not[0].startswith(says), key
    rows = {name: usual.rows[name] or [] for name in ("schedule", "ageing", "liability")}
    drawn = charts(
        but(
            usual,
            schedule=[row for row in rows["schedule"] if row["tier"] == "new"],
            ageing=[],
            liability=[row | {"deferred": None, "recognised": None} for row in rows["liability"]],
        )
    )
    assert drawn["schedule"].why_not == ("No contact's day has come yet; 2 are ahead.",)
    assert drawn["ageing"].why_not == (EN("ageing.spent"),)
    assert drawn["liability"].why_not == (EN("liability.no_value"),)
    assert drawn["liability"].table is not None
    drawn = charts(but(usual, ageing=[row | {"value": None} for row in rows["ageing"]]))
    assert drawn["ageing"].finding.startswith("Customers hold 10,000 points; 500 of them")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_made_up_says_so_beside_each_chart_and_claims_are_called_claims(
    usual: Night, language: str
) -> None:
    texts = Texts(language)
    parts = {name for name, _ in standing._SIMULATED}
    for part in chapters(usual, texts):
        for chart in part.charts:
            assert set(chart.rests_on) <= parts
    page = render(usual, Quality(simulated=["feedback"]), texts, key="k", other_page="o")
    tagged = re.findall(r'<h3 id="(\w+)-title">[^<]*<span class="made-up">', page)
    assert tagged == [
        *("defections", "defections_trend", "scores", "causes", "causes_trend", "care", "claims"),
        *("matrix", "drivers", "drivers_trend"),
    ]
    assert page.count(f'<span class="made-up">{texts("notice.made_up")}</span>') == 1  # NPS
    claims = page.split('<section id="claims"')[1].split("</section>")[0]
    assert {"en": "Claims, not findings", "zh-CN": "只是说法，不是发现"}[language] in claims
    assert ">517<" in claims
    assert ">517<" not in page.replace(claims, "")


def test_intervals_are_the_published_ones() -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872 and 873-890."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
