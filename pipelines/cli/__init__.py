"""The `mainstay` command: one command per step, the night as a whole, and commands to look at what happened."""

from pipelines.cli.app import app

__all__ = ["app"]
