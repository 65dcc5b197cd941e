"""Which languages the report is written in; cheap to import."""

from __future__ import annotations

LANGUAGES = ("en", "zh-CN")
"""Languages of the report; the first one is the page without a suffix."""
