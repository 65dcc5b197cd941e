"""A first contract for a dataset, drafted from a sample file: what was found, what was assumed, what to check."""

from pipelines.draft.contract import Draft, draft_contract

__all__ = ["Draft", "draft_contract"]
