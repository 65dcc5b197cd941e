"""Random histories, each loaded from scratch and in a mixed way: the marts are the same; the short form is in tests/purity.

SOAK_HISTORIES says how many (300), SOAK_SEED repeats a run, a test's number in brackets is the chunk of histories to run
alone. SOAK_SHRINK=1 looks up to five minutes for a smaller history than the one that went wrong.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.soak.purity.chunks import CHUNK, run

pytestmark = pytest.mark.soak

HISTORIES = int(os.environ.get("SOAK_HISTORIES", "300"))


@pytest.mark.parametrize("number", range((HISTORIES + CHUNK - 1) // CHUNK))
def test_any_way_to_a_history_gives_the_marts_of_one_load(
    tmp_path_factory: pytest.TempPathFactory, seed: int, number: int
) -> None:
    count = min(CHUNK, HISTORIES - number * CHUNK)
    folder = tmp_path_factory.mktemp("histories")
    is_shrinking = bool(os.environ.get("SOAK_SHRINK"))
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        work = pool.submit(run, seed * 10_000 + number, count, folder, is_shrinking=is_shrinking)
        judged, wrong = work.result()
    assert not wrong, f"{wrong}\nSOAK_SEED={seed} SOAK_HISTORIES={HISTORIES} repeats it"
    assert judged == count
