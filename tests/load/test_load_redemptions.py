"""What the shipped contract of points redemptions keeps out, row by row."""

from __future__ import annotations

from pathlib import Path

from deployments import create

DAY = "2024-03-01"
WRONG = {
    "x01": ({"points": 0}, "points"),
    "x02": ({"points": -20}, "points"),
    "x03": ({"points": "2.5"}, "points"),
    "x04": ({"points": 1_000_000_001}, "points"),
    "x05": ({"points": 10**30}, "points"),
    "x07": ({"points": "twenty"}, "points"),
    "x08": ({"points": None}, "points"),
    "x09": ({"customer_id": None}, "customer_id"),
    "x10": ({"customer_id": "  "}, "customer_id"),
    "x11": ({"redeemed_at": "2024-03-02 00:00:00"}, "redeemed_at"),
    "x12": ({"redeemed_at": "2024-02-30 12:00:00"}, "redeemed_at"),
}
"""What is wrong with a row, and the word that its reason must have."""


def test_wrong_redemptions_are_quarantined_with_their_reason(tmp_path: Path) -> None:
    deployment = create(tmp_path)
    right = {"customer_id": "c", "redeemed_at": f"{DAY} 23:59:59", "points": 1}
    # the good ones are so many that the bad ones are tolerated
    good = [right | {"redemption_id": f"r{n}"} for n in range(1500)]
    good[0]["points"] = 1_000_000_000
    deployment.land(
        "points_redemptions",
        DAY,
        good + [right | row | {"redemption_id": number} for number, (row, _) in WRONG.items()],
    )
    deployment.load()
    held = deployment.query("select count(*), max(points), min(points) from raw.points_redemptions")
    assert held == [(1500, 1_000_000_000, 1)]
    reasons = deployment.query("select reasons from quarantine.points_redemptions order by line_number")
    assert len(reasons) == len(WRONG), reasons
    for (found,), (number, (_, word)) in zip(reasons, WRONG.items(), strict=True):
        assert word in str(found), (number, found)
