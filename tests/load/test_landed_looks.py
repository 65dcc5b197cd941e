"""The expectations on landed files read what the loader reads."""

from __future__ import annotations

from datetime import date

import pytest
from loading_world import DAY, GOOD, HEADER, World

from pipelines.validate.runner import validate


@pytest.mark.search
@pytest.mark.parametrize("further", ["Note,NOTE", ",x", "transaction_ID,x"])
def test_columns_that_are_alike_but_for_case_or_have_no_name_stop_nothing(world: World, further: str) -> None:
    world.rows(f"{further.replace('x', 'y')},{GOOD.format(1)}", header=f"{further},{HEADER}")
    assert world.load().loaded == 1
    report = validate(world.settings, "land", "run", {"transactions": [date.fromisoformat(DAY)]})
    assert [check.observed for check in report.results if not check.success] == []
