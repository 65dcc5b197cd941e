"""Fixtures of the long tests."""

from __future__ import annotations

import os
import random

import pytest

from tests.dags.conftest import deployment, free_port

__all__ = ["deployment", "free_port"]


@pytest.fixture(scope="session")
def seed() -> int:
    """The seed of all that is random in the long tests: SOAK_SEED, or a new one that is printed."""
    given = os.environ.get("SOAK_SEED")
    chosen = int(given) if given else random.SystemRandom().randrange(1, 1_000_000)
    print(f"SOAK_SEED={chosen}")
    return chosen
