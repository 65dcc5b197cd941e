"""What dbt does with a step's time, heard node by node: its own files are not written."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.loyalty import loyalty_nodes, programme_nodes
from pipelines import transform as transforming
from pipelines.steps.record import context_of
from pipelines.transform.parsed import parse_key, read_parsed

if TYPE_CHECKING:
    from pipelines.settings import Settings


@dataclass
class Nodes:
    """The nodes that ended since the last figures, each with the moment of its end."""

    ended: list[tuple[transforming.NodeResult, float]] = field(default_factory=list)

    def listen(self) -> None:
        """From now on hear of all nodes of all steps."""
        original = transforming.transform

        def heard(*arguments: Any, on_node: Any = None, **more: Any) -> Any:
            def note(node: transforming.NodeResult) -> None:
                self.ended.append((node, time.time()))
                if on_node is not None:
                    on_node(node)

            return original(*arguments, **{**more, "on_node": note})

        transforming.transform = heard

    def figures(self, settings: Settings, began: float) -> dict[str, Any]:
        """What the step that ends now did; nodes run on several threads, so that their seconds may overlap."""
        over = time.time()
        nodes, self.ended = self.ended, []
        manifest = read_parsed(settings, parse_key(settings, context_of(settings)))
        kinds = {"programmes": programme_nodes(manifest)}
        kinds["loyalty"] = loyalty_nodes(manifest) - kinds["programmes"]
        seconds = {node.name: node.seconds for node, _ in nodes}
        tests = {node.name for node, _ in nodes if node.resource_type == "test"}
        models = sorted(((s, n) for n, s in seconds.items() if n not in tests), reverse=True)
        return {
            "seconds": over - began,
            "before_first_node": min(end - node.seconds for node, end in nodes) - began,
            "after_last_node": over - max(end for _, end in nodes),
            "model_seconds": sum(s for s, _ in models),
            "test_seconds": sum(seconds[name] for name in tests),
            **{f"{k}_models": {name: s for s, name in models if name in of} for k, of in kinds.items()},
            **{f"{k}_tests": sum(seconds[name] for name in tests & of) for k, of in kinds.items()},
            "models": len(models),
            "tests": len(tests),
            "slowest": {name: s for s, name in models[:6]},
        }
