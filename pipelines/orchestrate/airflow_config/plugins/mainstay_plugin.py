"""Airflow looks for plugins in this folder; Mainstay's own is in `pipelines/orchestrate/pages.py`."""

from pipelines.orchestrate.pages import MainstayPlugin

__all__ = ["MainstayPlugin"]
