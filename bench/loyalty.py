"""Which of dbt's nodes are there for the marts of feedback and loyalty alone, so that their cost can be told."""

from __future__ import annotations

from typing import Any

LOYALTY_MARTS = (
    "feedback_summary_monthly",
    "complaint_causes_monthly",
    "loyalty_matrix",
    "loyalty_matrix_summary",
    "loyalty_drivers_monthly",
    "defections",
    "defections_summary_monthly",
    "relationship_stages_monthly",
    "team_loyalty_monthly",
    "dim_tiers",
)


def loyalty_nodes(manifest: dict[str, Any]) -> set[str]:
    """The loyalty marts, the models that only they read, and the tests that look at any of these."""
    models = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    children = {
        key: [
            child for child in manifest["child_map"][key] if child in models or child.startswith("exposure.")
        ]
        for key in models
    }
    loyal = {key for key, node in models.items() if node["name"] in LOYALTY_MARTS}
    marts = {key for key, node in models.items() if node["schema"].endswith("marts")}
    while more := {
        key for key in models.keys() - loyal - marts if children[key] and loyal.issuperset(children[key])
    }:
        loyal |= more
    tests = {
        key
        for key, node in manifest["nodes"].items()
        if node["resource_type"] == "test" and loyal.intersection(node["depends_on"]["nodes"])
    }
    return loyal | tests
