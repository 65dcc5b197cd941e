"""The backfill: load a range of landing dates in one pass, rebuild what follows from it, and publish once.

Run it by hand after a correction, for late files or for a new contract: *Trigger* asks for the range. Loading the
same files again changes nothing, so a backfill can be run again at any time.

Wiring only. The tasks and their order are in `pipelines/orchestrate/wiring.py`, what the parameters mean is in
`pipelines/orchestrate/request.py`.
"""

from __future__ import annotations

from airflow.sdk import Param, dag

from pipelines.orchestrate.tasks import default_args
from pipelines.orchestrate.told import dag_doc
from pipelines.orchestrate.wiring import land_to_publish
from pipelines.settings import dataset_names, load_settings

# What has no section is open when the form is: the dates are required, and a reason is wished for.
NARROWER, CARE = "Narrower", "With care"

settings = load_settings()


@dag(
    dag_id="mainstay_backfill",
    schedule=None,
    max_active_runs=1,
    default_args=default_args(),
    params={
        "first_date": Param(
            type="string",
            format="date",
            title="First landing date",
            description="Landing files of this date and later ones are loaded. "
            f"Dates are the folders' in landing, by the deployment's clock ({settings.timezone}).",
        ),
        "last_date": Param(
            type="string",
            format="date",
            title="Last landing date",
            description="Included. Not before the first; it may lie after the last landed date.",
        ),
        "reason": Param(
            None,
            type=["null", "string"],
            title="Reason",
            description="Why it is done, in a sentence and without a person's name or number; kept in the ledger and shown by "
            "`mainstay status`.",
        ),
        "datasets": Param(
            None,
            type=["null", "array"],
            items={"type": "string"},
            # `enum` would make the form a box for one choice; `examples` make it a list to choose from.
            examples=dataset_names(settings),
            title="Datasets",
            description="Only these; empty means all.",
            section=NARROWER,
        ),
        "changed_only": Param(
            False,
            type="boolean",
            title="Changed files only",
            description="Leave dates alone whose files are loaded just as they are.",
            section=NARROWER,
        ),
        "as_of_date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Build as of",
            description="Business date that the marts are for; empty means the last landed one of the range "
            f"that is over ({settings.timezone}). Never before what BI sees already.",
            section=CARE,
        ),
        "remove_missing": Param(
            False,
            type="boolean",
            title="Remove missing",
            description="Empty the loaded dates of the range whose files are all gone from the landing folder.",
            section=CARE,
        ),
        "accept_loss": Param(
            False,
            type="boolean",
            title="Accept loss",
            description="Let a warehouse that was begun anew publish fewer transactions than BI sees now.",
            section=CARE,
        ),
    },
    doc_md=dag_doc(__doc__, settings),
    tags=["mainstay"],
)
def mainstay_backfill() -> None:
    """One run is one range of landing dates."""
    land_to_publish()


backfill = mainstay_backfill()
