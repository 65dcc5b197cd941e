from __future__ import annotations

from pathlib import Path

import pytest
from loading_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path).setting(toleratedRejectRate=1, toleratedKeyReuseRate=1)
