"""Mainstay against a bare DuckDB script at any number of transactions: `python -m bench --rows 20000000`."""
