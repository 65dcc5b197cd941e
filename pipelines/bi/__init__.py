"""Superset: the dashboards as files of its import format, and a Superset of this machine that shows them.

What the dashboards show stands in `deploy/superset/described`, short enough to read. From that and the marts' contracts
`assets` makes the files that Superset imports; `start` runs a Superset in an environment of its own. No module here
imports Superset, whose libraries cannot share Mainstay's environment.
"""
