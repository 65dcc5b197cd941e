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


def loyalty_nodes(manifest: Any) -> set[str]:
    """Names of the loyalty marts, of the models that only they read, and of the tests that look at any of these."""
    nodes = list(manifest.nodes.values())
    names = {node.unique_id: node.name for node in nodes}
    models = {node.name: node for node in nodes if node.resource_type == "model"}
    reads = {node.name: {names.get(key) for key in node.depends_on_nodes} for node in nodes}
    readers: dict[str, set[str]] = {
        name: {reader for reader in models if name in reads[reader]} for name in models
    }
    loyal = set(LOYALTY_MARTS)
    marts = {name for name, node in models.items() if "marts" in node.fqn}
    while more := {
        name for name in models.keys() - loyal - marts if readers[name] and readers[name] <= loyal
    }:
        loyal |= more
    return loyal | {
        node.name for node in nodes if node.resource_type == "test" and not loyal.isdisjoint(reads[node.name])
    }


def added(run: dict[str, Any]) -> tuple[float, float]:
    """Seconds of a build that the loyalty marts took, and those of all else; two threads share the nodes' seconds."""
    spent = 0.0
    for step in run["items"].values():
        nodes = step["model_seconds"] + step["test_seconds"]
        theirs = sum(step["loyalty_models"].values()) + step["loyalty_tests"]
        spent += theirs / nodes * (step["seconds"] - step["before_first_node"] - step["after_last_node"])
    return spent, run["seconds"] - spent
