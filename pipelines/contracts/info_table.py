"""The `_publish` table, which every published night carries beside its marts. A part of the published interface."""

from __future__ import annotations

INFO_TABLE = "_publish"
INFO_COLUMNS = (
    ("run_id", "VARCHAR", "Run that built this night"),
    ("as_of_date", "DATE", "Business date that the marts are for"),
    ("published_at", "TIMESTAMP", "When this night was built (UTC)"),
    ("table_name", "VARCHAR", "Published table"),
    ("row_count", "BIGINT", "Rows of the table"),
    ("contract_version", "VARCHAR", "Version of the table's data contract"),
    ("version", "VARCHAR", "Identifier for `rollback`, and name of the version's folders"),
    ("fingerprint", "VARCHAR", "Fingerprint of the table's rows in any order"),
    ("content", "VARCHAR", "Hash of as-of date, contracts and rows of all tables"),
)
INFO_COMMENT = "One row per published table: which run this file is from and what it holds."
