"""What PySpark itself writes to the terminal: nothing that holds a value."""

from __future__ import annotations


def silence() -> None:
    """Have PySpark log no exception: it writes each one with its whole text, before whoever called sees it.

    By a filter, as setting up logging anew would enable a logger that is only switched off.
    """
    from pyspark.logger import PySparkLogger

    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger", "pyspark.sql.connect.logging"):
        logger = PySparkLogger.getLogger(name)
        if not logger.filters:
            logger.addFilter(lambda record: False)
