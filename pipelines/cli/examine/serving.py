"""What is served: whether it is still what was published, and who is told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pipelines.cli.examine.finding import Finding
from pipelines.errors import PublishError
from pipelines.publish import current
from pipelines.publish.catalog import damage, read_manifest, serving_file, versions_folder

if TYPE_CHECKING:
    from pipelines.settings import Settings


def look_at_serving(settings: Settings) -> Finding:
    """Whether what is served is byte for byte what was published."""
    published = current(settings)
    if published is None:
        return Finding("serving", "ok", "nothing published yet")
    version = f"{published.version} as of {published.as_of_date}"
    try:
        manifest = read_manifest(versions_folder(settings) / published.version)
    except PublishError as error:
        return Finding("serving", "warning", f"{version}; its check sums are not known: {error}")
    began = time.monotonic()
    problem = damage(settings, manifest, published.path)
    if problem and current(settings) == published:  # not one that was swapped while we read
        return Finding(
            "serving",
            "error",
            f"{version}: {problem}; run `mainstay publish`, which publishes the night anew, or "
            "`mainstay publish --rollback`",
        )
    size = manifest.size_bytes / 1024**2
    return Finding(
        "serving", "ok", f"{version}, {size:,.1f} MiB as published (read in {time.monotonic() - began:.1f} s)"
    )


def look_at_log(settings: Settings) -> Finding | None:
    """Whether a log lies beside the serving file, whom any reader would take for its own; None where there is none."""
    log = serving_file(settings).with_name(f"{serving_file(settings).name}.wal")
    if not log.exists():
        return None
    return Finding("serving", "error", f"a stale {log} lies beside the serving file; publish again")


def look_at_postgres(settings: Settings) -> Finding:
    """Whether PostgreSQL can be reached, if it is set, and has the served night."""
    if settings.postgres_url is None:
        return Finding("postgres", "ok", "no MAINSTAY_POSTGRES_URL: nothing is exported")
    from pipelines.export import state_of_postgres

    state, published = state_of_postgres(settings), current(settings)
    what = f"{state['place']}, PostgreSQL {state['server']}, schema {settings.postgres_schema}"
    if published is None or state["version"] == published.version:
        return Finding("postgres", "ok", f"{what}: {state['version'] or 'nothing exported yet'}")
    return Finding(
        "postgres",
        "warning",
        f"{what} has {state['version'] or 'no night'}, and {published.version} is served; run `mainstay export postgres`",
    )


def look_at_alerts(settings: Settings) -> Finding:
    """Whether each address is one; `mainstay notify --test` says whether a message arrives there."""
    if not settings.notify_addresses:
        return Finding("alerts", "ok", "nobody is told of a failed night; docs/alerts.md says how")
    from pipelines.alerts.addresses import require_addresses

    kinds = ", ".join(address.kind for address in require_addresses(settings))
    return Finding("alerts", "ok", f"{', '.join(sorted(settings.told)) or 'nothing'} to {kinds}")
