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


@dataclass(frozen=True)
class ValidationReport:
    """The outcome of a stage's suites; `seconds` is wall-clock time after Great Expectations' import."""

    stage: str
    run_id: str
    results: list[CheckResult] = field(default_factory=list)
    seconds: float = 0.0
    docs: str = "data_docs/index.html"
    """Where the Data Docs of the run will be."""

    @property
    def failures(self) -> list[CheckResult]:
        """The expectations that failed or raised, and suites that had none."""
        return [r for r in self.results if not r.success]

    @property
    def failed(self) -> bool:
        """Whether anything failed."""
        return bool(self.failures)

    @property
    def counts(self) -> dict[str, int]:
        """Suites, checks, passed, failed."""
        failed = len(self.failures)
        return {
            "suites": len({r.suite for r in self.results}),
            "checks": len(self.results),
            "passed": len(self.results) - failed,
            "failed": failed,
        }


def require_success(report: ValidationReport) -> None:
    """Stop the run if the stage did not pass.

    Raises:
        ValidationFailedError: Names the first failed expectations and where to look further.
    """
    failures = report.failures
    if not failures:
        return
    lines = []
    for result in failures[:SHOWN_FAILURES]:
        where = f"{result.suite}.{result.column}" if result.column else result.suite
        lines.append(f"{where}: {result.expectation}: {result.observed or 'failed'}")
    more = len(failures) - len(lines)
    raise ValidationFailedError(
        f"{report.stage}: {len(failures)} of {len(report.results)} expectations failed:\n  "
        + "\n  ".join(lines)
        + (f"\n  and {more} more" if more else "")
        + f"\nSee {report.docs}, or: select * from ops.checks where run_id = '{report.run_id}' "
        f"and stage = '{report.stage}' and not success"
    )
