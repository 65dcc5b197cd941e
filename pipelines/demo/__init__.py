"""Demo data: a real shop's year as nightly landing files, and a generator of any number of transactions.

`write_demo` turns dunnhumby's *The Complete Journey* into what a shop's nightly exports would be;
`scale.generate` makes up transactions for benchmarks. What is simulated says so in its `source_system`.
Nothing here loads data.
"""

from pipelines.demo.source import DEMO_CURRENCY, DEMO_POLICIES, DEMO_TIMEZONE, FIRST_DATE, LAST_DATE
from pipelines.demo.write import DatasetCount, DemoReport, write_demo

__all__ = [
    "DEMO_CURRENCY",
    "DEMO_POLICIES",
    "DEMO_TIMEZONE",
    "FIRST_DATE",
    "LAST_DATE",
    "DatasetCount",
    "DemoReport",
    "write_demo",
]
