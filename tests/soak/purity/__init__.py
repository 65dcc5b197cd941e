"""Purity by property: whatever the way, the marts are those of one clean load of the final files.

`histories` makes up small random histories, `landing` writes their files, `ways` lands, loads and builds them step
by step, `judge` compares the tables. tests/purity runs a few; `chunks` runs many, for the long form in tests/soak.
"""
