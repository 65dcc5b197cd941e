"""The report: one self-contained HTML page per language with the published night's charts.

Importing this is cheap; what draws a page is imported where one is drawn.
"""

from pipelines.report.write import PAGES, Report, report_or_reason, write_report

__all__ = ["PAGES", "Report", "report_or_reason", "write_report"]
