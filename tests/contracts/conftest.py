"""A deployment whose policies are right, for tests to spoil."""

from __future__ import annotations

from pathlib import Path

import pytest

POLICIES = {
    "tier_policy": "valid_from,tier,label_zh,label_en,tier_rank,lower_bound\n"
    "2000-01-01,gold,金,Gold,1,500\n2000-01-01,ordinary,普通,Ordinary,2,0\n",
    "margin_rates": "category,margin_rate\nfood,0.2\n",
    "peer_attributes": "level,attribute\n1,region\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the policies, without those that may be left out."""
    policies = tmp_path / "policies"
    policies.mkdir()
    for name, text in POLICIES.items():
        (policies / f"{name}.csv").write_text(text, encoding="utf-8")
    return policies
