"""The steps of a run. The DAG's tasks and the CLI's commands both call these, and nothing else does the work.

Each takes the settings, a run id and business dates, holds the warehouse's lock while it works, writes itself
into the ledger, and returns a small summary that fits into JSON. Each can be run again at any time.
"""

from pipelines.steps.build import build, build_selected
from pipelines.steps.export import bring, export, exported
from pipelines.steps.fit import fit
from pipelines.steps.forget import finish_forgetting, forget, to_forget
from pipelines.steps.land import land
from pipelines.steps.load import load, pending
from pipelines.steps.publish import publish
from pipelines.steps.record import Say, Summary, close, docs, finish
from pipelines.steps.stage import stage
from pipelines.steps.start import start
from pipelines.steps.validate import validate, validate_loaded

__all__ = [
    "Say",
    "Summary",
    "bring",
    "build",
    "build_selected",
    "close",
    "docs",
    "export",
    "exported",
    "finish",
    "finish_forgetting",
    "fit",
    "forget",
    "land",
    "load",
    "pending",
    "publish",
    "stage",
    "start",
    "to_forget",
    "validate",
    "validate_loaded",
]
