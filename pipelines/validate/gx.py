"""The one place that imports Great Expectations: late, offline and quiet."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from pipelines.surroundings import surroundings


@cache
def great_expectations() -> Any:
    """Great Expectations with Mainstay's own expectations registered; the first call takes seconds.

    Analytics are off before the import, so that nothing is ever sent.
    """
    with quiet():
        import great_expectations as gx

        import pipelines.validate.dialect
        import pipelines.validate.expectations  # noqa: F401  # registers them
    return gx


def memory_context() -> Any:
    """A GX context without files of its own: GX's default one leaves a temporary folder behind."""
    gx = great_expectations()
    from great_expectations.data_context.types.base import DataContextConfig

    stores = {
        name: {"class_name": kind, "store_backend": {"class_name": "InMemoryStoreBackend"}}
        for name, kind in (
            ("expectations", "ExpectationsStore"),
            ("results", "ValidationResultsStore"),
            ("checkpoints", "CheckpointStore"),
            ("validation_definition_store", "ValidationDefinitionStore"),
        )
    }
    config = DataContextConfig(
        config_version=4.0,
        expectations_store_name="expectations",
        validation_results_store_name="results",
        checkpoint_store_name="checkpoints",
        stores=stores,
        data_docs_sites={},
        analytics_enabled=False,
        progress_bars={"globally": False},
    )
    return gx.get_context(mode="ephemeral", project_config=config)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Great Expectations' advice and tracebacks out of the run's log, and settings of another use of it out of this one."""
    loggers = [logging.getLogger(name) for name in ("great_expectations", "posthog")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            surroundings({"GX_ANALYTICS_ENABLED": "false"}, without=("GX_", "GE_")),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
