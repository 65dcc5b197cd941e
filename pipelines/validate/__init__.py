"""Step `validate`: Great Expectations over the files, `raw`, `staging`, `marts` and the serving file.

`validate` checks one stage and returns what it found; `require_success` stops a run that did not pass. Importing this
package does not import Great Expectations.
"""

from pipelines.validate.report import CheckResult, ValidationReport, in_words, require_success
from pipelines.validate.runner import validate
from pipelines.validate.suites import STAGES

__all__ = [
    "STAGES",
    "CheckResult",
    "ValidationReport",
    "in_words",
    "require_success",
    "validate",
]
