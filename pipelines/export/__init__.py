"""Step `export`: the served night once more in a PostgreSQL schema, for BI tools that do not read DuckDB.

`export_postgres` carries it over, whole or not at all; `state_of_postgres` says what is there.
"""

from pipelines.export.export import Exported, export_postgres
from pipelines.export.state import state_of_postgres

__all__ = ["Exported", "export_postgres", "state_of_postgres"]
