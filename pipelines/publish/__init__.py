"""Step `publish`: write, audit, publish. BI reads what lies in the serving folder and never the warehouse.

`publish` builds a new serving file beside the old one, audits it and swaps it in; `rollback` swaps an
earlier one in; `current` and `versions` say what is served and what is kept.
"""

from pipelines.publish.catalog import Published, PublishedTable, Version, as_of_for, current, versions
from pipelines.publish.changes import compare
from pipelines.publish.rollback import rollback
from pipelines.publish.swap import publish

__all__ = [
    "Published",
    "PublishedTable",
    "Version",
    "as_of_for",
    "compare",
    "current",
    "publish",
    "rollback",
    "versions",
]
