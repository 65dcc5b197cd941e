"""Data contracts: what a dataset or mart is, in ODCS v3.1 files.

The files are the one place where columns, types, keys and rules are written down. What is read from them: typed, checked
views (`parts`, `model`, `read`), which datasets and marts there are (`catalog`), the policies beside them (`policies`), and
everything that is generated from them (`generate`).
"""

from pipelines.contracts.catalog import (
    canon_of,
    canonical_contracts,
    known_contracts,
    mart_contracts,
    published_columns,
    source_contracts,
)
from pipelines.contracts.location import LandingFile
from pipelines.contracts.model import Contract, MartContract, SourceContract
from pipelines.contracts.parts import FILE_COLUMNS, ISO, LOAD_COLUMNS, Column, Dialect, RowRule
from pipelines.contracts.read import read_mart_contract, read_source_contract

__all__ = [
    "FILE_COLUMNS",
    "ISO",
    "LOAD_COLUMNS",
    "Column",
    "Contract",
    "Dialect",
    "LandingFile",
    "MartContract",
    "RowRule",
    "SourceContract",
    "canon_of",
    "canonical_contracts",
    "known_contracts",
    "mart_contracts",
    "published_columns",
    "read_mart_contract",
    "read_source_contract",
    "source_contracts",
]
