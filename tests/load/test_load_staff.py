"""What the shipped contracts of staff keep out, row by row."""

from __future__ import annotations

from pathlib import Path

from deployments import create

DAY = "2017-03-01"


def test_wrong_staff_and_answers_are_quarantined_with_their_reason(tmp_path: Path) -> None:
    deployment = create(tmp_path)
    person = {"team_id": "t", "store_id": "s", "hired_on": "2016-01-31"}
    answer = {"team_id": "t", "surveyed_at": f"{DAY} 12:00:00", "score": 10}
    # the good ones are so many that the bad ones are tolerated
    deployment.land(
        "employees",
        DAY,
        [{**person, "employee_id": f"e{n}", "left_on": "2016-01-31"} for n in range(500)]
        + [
            {**person, "employee_id": "x1", "left_on": "2016-01-30"},
            {**person, "employee_id": "x2", "team_id": "all"},
            {**person, "employee_id": "x3", "hired_on": "2016-02-30"},
            {**person, "employee_id": "x4", "team_id": None},
        ],
    )
    deployment.land(
        "employee_surveys",
        DAY,
        [{**answer, "survey_id": f"s{n}", "score": n % 11} for n in range(500)]
        + [
            {**answer, "survey_id": "x1", "score": 11},
            {**answer, "survey_id": "x2", "score": -1},
            {**answer, "survey_id": "x3", "team_id": "all"},
            {**answer, "survey_id": "x4", "surveyed_at": "2017-03-02 12:00:00"},
        ],
    )
    deployment.load()
    for dataset, wanted in {
        "employees": ["left_after_hired", "team_is_not_all", "hired_on", "team_id"],
        "employee_surveys": ["score", "score", "team_is_not_all", "surveyed_at"],
    }.items():
        assert deployment.query(f"select count(*) from raw.{dataset}") == [(500,)]
        reasons = deployment.query(f"select reasons from quarantine.{dataset} order by line_number")
        assert len(reasons) == len(wanted), reasons
        for (found,), word in zip(reasons, wanted, strict=True):
            assert word in str(found), found
