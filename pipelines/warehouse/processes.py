"""Tell a process from a later one with the same number."""

from __future__ import annotations

from pathlib import Path


def start_of(pid: int) -> str:
    """Clock ticks from the machine's start to the process's; empty if there is none, or the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
