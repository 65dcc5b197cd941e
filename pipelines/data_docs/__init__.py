"""The Data Docs: what was checked, and what failed with which values, as a page per language that needs no network.

Great Expectations checks, the ledger keeps what it found, and these pages are written from the ledger alone. Importing
this is cheap; what draws a page is imported where one is drawn.
"""

from pipelines.data_docs.write import PAGES, data_docs_or_reason, write_data_docs

__all__ = ["PAGES", "data_docs_or_reason", "write_data_docs"]
