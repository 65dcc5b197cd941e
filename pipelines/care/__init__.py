"""Tomorrow's list: whom to contact, why, how, and what they are worth.

The one place where names, telephone numbers and birthdays meet the marts. What leaves the warehouse here is a file for its owner
alone, with a row of the ledger for it.
"""

from pipelines.care.care_list import CareList, read_list
from pipelines.care.columns import COLUMNS, LANGUAGES, PERSONAL
from pipelines.care.export import Export, export_list

__all__ = ["COLUMNS", "LANGUAGES", "PERSONAL", "CareList", "Export", "export_list", "read_list"]
