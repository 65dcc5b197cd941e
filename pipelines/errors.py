"""Errors a person can act on. The CLI prints their text without a traceback and exits with their code."""

from __future__ import annotations


class MainstayError(Exception):
    """Base of every error with a clear sentence for the person who runs Mainstay."""

    exit_code = 1


class SettingsError(MainstayError):
    """A setting, a policy file or a contract is wrong."""

    exit_code = 2


class UnknownCustomerError(MainstayError):
    """Nobody of this number is known, so there is nobody to forget."""

    exit_code = 2


class ContractError(SettingsError):
    """A data contract cannot be used; the text names the file, the place and the way out."""


class LandingError(MainstayError):
    """Landing files are missing or cannot be read."""

    exit_code = 3


class FileRefusedError(LandingError):
    """Files are not what their contract says and are refused whole; trying again changes nothing."""


class LoadError(MainstayError):
    """Rows cannot be accounted for, or more rows break the rules than the contract tolerates."""

    exit_code = 4


class BuildError(MainstayError):
    """A dbt model or dbt test failed."""

    exit_code = 5


class ErasureUnfinishedError(MainstayError):
    """A person was being erased when the process was killed; their rows may not leave the warehouse meanwhile."""

    exit_code = 5


class ValidationFailedError(MainstayError):
    """An expectation failed, raised, or a suite had none."""

    exit_code = 6


class PublishError(MainstayError):
    """The new serving file did not pass its audit, or there is no version to roll back to."""

    exit_code = 7


class LockedError(MainstayError):
    """Another process writes to the warehouse."""

    exit_code = 8


class WarehouseDamagedError(MainstayError):
    """The warehouse's file is damaged or no DuckDB file; it is built anew from the landing files."""

    exit_code = 9


class StorageError(MainstayError):
    """The disk is full, or a folder or file of the deployment cannot be read or written."""

    exit_code = 10


class ForgottenKeyError(StorageError):
    """The key to the tombstones of erased customers is lost, so that they could come back unseen."""


class OutOfMemoryError(MainstayError):
    """Memory ran out: the machine's, or what DuckDB may use of it."""

    exit_code = 11


class ProcessKilledError(MainstayError):
    """A process of the run was killed, by hand or by the system when its memory ran out."""

    exit_code = 11


class ExportError(MainstayError):
    """The published night could not be carried to PostgreSQL, which keeps the one before; the serving file has it."""

    exit_code = 12


class EngineError(MainstayError):
    """Spark cannot be started or reached, its server is another's, or the lake is not there; nothing was changed."""

    exit_code = 13
