"""Land: find the files of a range of landing dates and make sure that each is what its contract says."""

from pipelines.land.check import check_files
from pipelines.land.discover import discover, landed_dates
from pipelines.land.inspect import inspect
from pipelines.land.inspected import Inspected
from pipelines.land.unmatched import landing_gaps, unmatched_files

__all__ = [
    "Inspected",
    "check_files",
    "discover",
    "inspect",
    "landed_dates",
    "landing_gaps",
    "unmatched_files",
]
