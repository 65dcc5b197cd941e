"""The console: what it prints may come from data, so nothing in it is obeyed by the terminal or hidden from the reader."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleRenderable, RenderHook
from rich.segment import Segment

from pipelines.showing import visible

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderResult

_KEPT = "\n\u3000"
"""Line breaks, and the blank that Chinese text is indented with."""
_BEYOND_ASCII = re.compile("[^\n -~]")


class _Harmless:
    """Something to print, of which rich's own escapes are kept and all others written out."""

    def __init__(self, inner: ConsoleRenderable) -> None:
        self.inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.inner, options):
            yield segment if segment.control else Segment(visible(segment.text, _KEPT), segment.style)


class _Hook(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Harmless(one) for one in renderables]


def console(*, stderr: bool = False) -> Console:
    """A console of which whatever is printed is safe to look at."""
    made = Console(stderr=stderr, highlight=False)
    made.push_render_hook(_Hook())
    return made


def harmless_json(text: str) -> str:
    """JSON as it was, with what a terminal obeys as JSON's own escapes; it has those below a blank already."""
    return _BEYOND_ASCII.sub(lambda m: m[0] if m[0].isprintable() else json.dumps(m[0])[1:-1], text)
