"""How much a chart can show, which queries and drawing both know."""

from __future__ import annotations

MONTHS = 24
"""Months, and cohorts, that a phone can still show side by side."""

WALLET_STEPS = 4
"""Fields of the wallet's size between a wallet and one ten times as big."""
