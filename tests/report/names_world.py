"""The made-up night's dates, and a name that wants to do harm."""

from __future__ import annotations

from datetime import date

AS_OF = date(2026, 3, 31)
MONTH = date(2026, 3, 1)
BEFORE = date(2026, 2, 1)
HOSTILE = '</script><script>alert("x")</script><b>&lt;%{x}$1$\'"'
"""A tier code and a label as a person with bad intent, or a careless export, might write them."""
