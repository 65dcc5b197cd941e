"""Load: bring landed files into `raw` by contract; rows that break a rule go to `quarantine`, repeats to `duplicates`."""

from pipelines.load.load import load_datasets
from pipelines.load.pending import missing_partitions, pending_files

__all__ = ["load_datasets", "missing_partitions", "pending_files"]
