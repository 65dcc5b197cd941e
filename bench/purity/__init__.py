"""Purity by property: whatever the way, the marts are those of one clean load of the final files.

`histories` makes up small random histories, `landing` writes their files, `ways` lands, loads and builds them step
by step, `judge` compares the tables. `python -m bench.purity` runs many of them; tests/purity runs a few.
"""
