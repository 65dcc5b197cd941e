"""The warehouse: one DuckDB file with one writer, its lock, its ledger, what stands in it and what is stale."""
