"""`python -m pipelines.cli`, the same as `mainstay`."""

from pipelines.cli.app import app

app(prog_name="mainstay")
