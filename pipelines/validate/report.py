"""What a validation found, in plain values that outlive Great Expectations."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipelines.errors import ValidationFailedError

SHOWN_FAILURES = 5


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one expectation."""

    suite: str
    expectation: str
    column: str | None
    success: bool
    observed: str | None = None
    """What was found; None where a row check passed and nothing was counted against it."""
    detail: str | None = None
    """JSON: the expectation's arguments, where its rule stands, and examples or the error if it failed."""
    severity: str = "error"
    """`error` stops the run, `warning` is told and stops nothing."""


@dataclass(frozen=True)
class ValidationReport:
    """The outcome of a stage's suites; `seconds` is wall-clock time after Great Expectations' import."""

    stage: str
    run_id: str
    results: list[CheckResult] = field(default_factory=list)
    seconds: float = 0.0
    docs: str = "data_docs/index.html"
    """Where the Data Docs will be."""

    @property
    def failures(self) -> list[CheckResult]:
        """The expectations that failed or raised, and suites that had none; warnings are not among them."""
        return [r for r in self.results if not r.success and r.severity == "error"]

    @property
    def warnings(self) -> list[CheckResult]:
        """The expectations that failed or raised and only warn."""
        return [r for r in self.results if not r.success and r.severity != "error"]

    @property
    def failed(self) -> bool:
        """Whether anything failed."""
        return bool(self.failures)

    @property
    def counts(self) -> dict[str, int]:
        """Suites, checks, passed, failed, warned."""
        failed, warned = len(self.failures), len(self.warnings)
        return {
            "suites": len({r.suite for r in self.results}),
            "checks": len(self.results),
            "passed": len(self.results) - failed - warned,
            "failed": failed,
            "warned": warned,
        }


def in_words(result: CheckResult) -> str:
    """Where an expectation failed, which, and what was observed."""
    where = f"{result.suite}.{result.column}" if result.column else result.suite
    return f"{where}: {result.expectation}: {result.observed or 'failed'}"


def require_success(report: ValidationReport) -> None:
    """Stop the run if the stage did not pass.

    Raises:
        ValidationFailedError: Names the first failed expectations and where to look further.
    """
    failures = report.failures
    if not failures:
        return
    lines = [in_words(result) for result in failures[:SHOWN_FAILURES]]
    more = len(failures) - len(lines)
    raise ValidationFailedError(
        f"{report.stage}: {len(failures)} of {len(report.results)} expectations failed:\n  "
        + "\n  ".join(lines)
        + (f"\n  and {more} more" if more else "")
        + f"\nSee {report.docs} (中文: index.zh-CN.html), or: select * from ops.checks where run_id = '{report.run_id}' "
        f"and stage = '{report.stage}' and not success"
    )
