"""Which of dbt's nodes are there for some of the marts alone, so that their cost can be told.

Loyalty stands for the marts of feedback and loyalty, which the bare script makes too; programmes for care, points and
offers, which it does not make.
"""

from __future__ import annotations

from typing import Any

from bench.compare import MAINSTAY_ALONE

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


def programme_nodes(manifest: Any) -> set[str]:
    """Names of the models of care, points, offers and of the restricted schema, and of the tests that look at them."""
    nodes = list(manifest.nodes.values())
    names = {node.unique_id: node.name for node in nodes}
    folders = {*MAINSTAY_ALONE, "restricted"}
    theirs = {
        node.name for node in nodes if node.resource_type == "model" and not folders.isdisjoint(node.fqn)
    }
    return theirs | {
        node.name
        for node in nodes
        if node.resource_type == "test" and not theirs.isdisjoint(names.get(k) for k in node.depends_on_nodes)
    }


def spent(run: dict[str, Any], on: str) -> float:
    """Seconds of a build that the nodes of `loyalty` or `programmes` took; two threads share the nodes' seconds."""
    seconds = 0.0
    for step in run["items"].values():
        nodes = step["model_seconds"] + step["test_seconds"]
        theirs = sum(step[f"{on}_models"].values()) + step[f"{on}_tests"]
        seconds += theirs / nodes * (step["seconds"] - step["before_first_node"] - step["after_last_node"])
    return seconds


def added(run: dict[str, Any]) -> tuple[float, float]:
    """Seconds of a build that the loyalty marts took, and those of all else that the bare script makes too."""
    theirs = spent(run, "loyalty")
    return theirs, run["seconds"] - theirs - spent(run, "programmes")
