"""The tables of the ledger, in the warehouse's `ops` schema."""

from __future__ import annotations

from datetime import UTC, datetime

DDL = """
CREATE SCHEMA IF NOT EXISTS ops;
CREATE TABLE IF NOT EXISTS ops.runs (
    run_id VARCHAR, kind VARCHAR, as_of_date DATE, started_at TIMESTAMP, finished_at TIMESTAMP,
    status VARCHAR, message VARCHAR, sequence BIGINT, process VARCHAR);
CREATE TABLE IF NOT EXISTS ops.steps (
    run_id VARCHAR, step VARCHAR, started_at TIMESTAMP, finished_at TIMESTAMP, status VARCHAR, detail VARCHAR,
    sequence BIGINT);
ALTER TABLE ops.runs ADD COLUMN IF NOT EXISTS sequence BIGINT;
ALTER TABLE ops.runs ADD COLUMN IF NOT EXISTS process VARCHAR;
ALTER TABLE ops.runs ADD COLUMN IF NOT EXISTS reason VARCHAR;
ALTER TABLE ops.steps ADD COLUMN IF NOT EXISTS sequence BIGINT;
CREATE TABLE IF NOT EXISTS ops.files (
    file_id VARCHAR, run_id VARCHAR, dataset VARCHAR, partition_date DATE, path VARCHAR, size_bytes BIGINT,
    sha256 VARCHAR, contract_hash VARCHAR, rows_in BIGINT, loaded BIGINT, quarantined BIGINT, duplicates BIGINT,
    loaded_at TIMESTAMP, status VARCHAR, message VARCHAR);
ALTER TABLE ops.files ADD COLUMN IF NOT EXISTS rejected BIGINT;
ALTER TABLE ops.files ADD COLUMN IF NOT EXISTS ignored BIGINT;
ALTER TABLE ops.files ADD COLUMN IF NOT EXISTS erased BIGINT;
CREATE TABLE IF NOT EXISTS ops.tombstones (id_hash VARCHAR, erased_on DATE, run_id VARCHAR, state VARCHAR);
CREATE TABLE IF NOT EXISTS ops.controls (
    file_id VARCHAR, dataset VARCHAR, column_name VARCHAR, landed VARCHAR, loaded VARCHAR);
CREATE TABLE IF NOT EXISTS ops.unvalidated (dataset VARCHAR, partition_date DATE);
CREATE TABLE IF NOT EXISTS ops.touched (dataset VARCHAR, business_date DATE);
CREATE TABLE IF NOT EXISTS ops.drift (
    run_id VARCHAR, dataset VARCHAR, partition_date DATE, path VARCHAR, column_name VARCHAR, seen_at TIMESTAMP);
CREATE TABLE IF NOT EXISTS ops.checks (
    run_id VARCHAR, stage VARCHAR, suite VARCHAR, expectation VARCHAR, column_name VARCHAR, success BOOLEAN,
    observed VARCHAR, detail VARCHAR, checked_at TIMESTAMP, severity VARCHAR);
ALTER TABLE ops.checks ADD COLUMN IF NOT EXISTS severity VARCHAR;
CREATE TABLE IF NOT EXISTS ops.models (
    run_id VARCHAR, name VARCHAR, resource_type VARCHAR, status VARCHAR, seconds DOUBLE, message VARCHAR);
CREATE TABLE IF NOT EXISTS ops.exports (
    exported_at TIMESTAMP, os_user VARCHAR, kind VARCHAR, run_id VARCHAR, list_date DATE, row_count BIGINT,
    columns VARCHAR, file_name VARCHAR, format VARCHAR, status VARCHAR);
CREATE TABLE IF NOT EXISTS ops.lake (
    schema_name VARCHAR, table_name VARCHAR, partition_date DATE, path VARCHAR, columns VARCHAR, partitioned_by VARCHAR);
"""
"""Tables of the ledger.

`unvalidated` holds the partitions whose rows have not passed the raw expectations since they were loaded; nothing
is built while it holds any. `touched` holds the business dates whose rows a load has changed since the marts
were last built. File status: loaded, rejected (too many bad rows), refused (not what its contract says), replaced
(a later load of the same dataset and date took its place), removed (its landing file is gone, and its rows were
taken out on request; or an erasure found its dataset without a contract, and dropped the tables).

`tombstones` holds, of each erased customer number, a keyed hash, so that a file that comes again brings nobody back; its
state says how far the erasure got: running, rows (they are gone from landing files and the loaded tables), done. `erased`
of a file are rows of such customers, taken out of it; they count among its rows in.

`controls` holds, of files that landed with control totals, each column's sum as the source says it and over the rows that
stayed in `raw`.

`exports` holds each file with personal data that left the warehouse: who wrote it when, how many rows of which columns, for which
date, from the marts of which run; no value of a row. Its row is there before the file is. Export status: writing (and so after
a kill: the file may be there or not), written, failed.

Runs and steps are in the order of `sequence`, in which they were written; clocks are set back, and differ.
"""


def now() -> datetime:
    """The present moment in UTC, as the ledger stores it (without zone)."""
    return datetime.now(UTC).replace(tzinfo=None)
