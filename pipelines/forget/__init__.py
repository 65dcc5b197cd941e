"""A person's right to be forgotten: what is erased when they ask for it, and where."""

from pipelines.forget.scrub import scrubber

__all__ = ["scrubber"]
