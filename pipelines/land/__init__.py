"""Land: find the files of a range of business dates and make sure that each is what its contract says."""

from pipelines.land.check import check_files
from pipelines.land.discover import LandingFile, discover, landed_dates
from pipelines.land.inspect import Inspected, inspect

__all__ = ["Inspected", "LandingFile", "check_files", "discover", "inspect", "landed_dates"]
