"""Stage, build and fit: run dbt in this process, one `dbt build` per step."""

from __future__ import annotations

import difflib
import json
import multiprocessing
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.contracts import canonical_contracts, published_columns, source_contracts
from pipelines.contracts.catalog import PUBLISHED_IN
from pipelines.contracts.dbt_properties import sources_yml
from pipelines.contracts.seeds import OPTIONAL, policy_file
from pipelines.errors import BuildError, SettingsError
from pipelines.paths import plain
from pipelines.showing import visible, without_values
from pipelines.surroundings import surroundings
from pipelines.transform.environment import (
    dbt_environment,
    default_policies,
    own_sources,
    project_folder,
    variables,
)
from pipelines.transform.lineage import tell_lineage
from pipelines.transform.log import dbt_log, log_file
from pipelines.transform.parsed import keep_parsed, parse_key, read_parsed
from pipelines.warehouse.engines import engine_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pipelines.settings import Settings
    from pipelines.warehouse.engine import Engine

SELECTIONS = {
    # By folder, not by path: a deployment's own models lie in a project folder of its own.
    "stage": ["--select", "resource_type:seed", "fqn:mainstay.staging"],
    "build": [
        *(
            "--select",
            "fqn:mainstay.intermediate",
            "fqn:mainstay.marts",
            "fqn:mainstay.restricted",
            "path:tests",
        ),
        *("--exclude", "source:fits+"),
    ],
    "fit": ["--select", "source:fits+"],
}
"""What each step builds: `fit` the marts that rest on fitted models, `build` all the others."""


@dataclass(frozen=True)
class NodeResult:
    """Outcome of one dbt node; seconds are wall-clock."""

    name: str
    resource_type: str
    status: str
    seconds: float
    message: str | None

    @property
    def failed(self) -> bool:
        """Whether the node stops the night."""
        return self.status in ("error", "fail", "runtime error")


def transform(
    settings: Settings,
    step: str,
    as_of: date,
    context: str,
    on_node: Callable[[NodeResult], None] | None = None,
    *,
    full_refresh: bool = False,
    selection: Sequence[str] | None = None,
) -> list[NodeResult]:
    """Run one step's dbt build as of a business date.

    Args:
        settings: The deployment.
        step: `stage`, `build` or `fit`.
        as_of: The business date.
        context: Hash of what dbt parses, see `stale.context_hash`.
        on_node: Hears of each node as it ends.
        full_refresh: Make incremental models anew from all rows, instead of their stale dates alone.
        selection: dbt's arguments for what to build; default all that the step builds.

    Raises:
        BuildError: a model or test failed; the text names the first ones.
    """
    arguments = [
        "build",
        # An exposure says who reads; there is nothing to build.
        *("--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure"),
        # While staging, a test that also reads a mart waits for the build.
        "--indirect-selection",
        "cautious" if step == "stage" else "eager",
        *(["--full-refresh"] if full_refresh else []),
        *(SELECTIONS[step] if selection is None else selection),
    ]
    results: list[NodeResult] = []

    def heard(event: Any) -> None:
        if on_node is not None and event.info.name in ("LogModelResult", "LogTestResult", "LogSeedResult"):
            node = event.data.node_info
            on_node(
                NodeResult(
                    node.node_name, node.resource_type, node.node_status, event.data.execution_time, None
                )
            )

    outcome = _invoked(settings, as_of, context, arguments, heard, full_refresh=full_refresh)
    for result in getattr(outcome.result, "results", None) or []:
        node = result.node
        results.append(
            NodeResult(
                node.name,
                str(node.resource_type),
                str(result.status),
                result.execution_time,
                _said(result.message),
            )
        )
    if not outcome.success:
        raise BuildError(_failure(settings, step, results, outcome.exception))
    return results


def require_selected(settings: Settings, as_of: date, context: str, select: str) -> None:
    """Make sure that a selection of models by hand has any.

    Raises:
        SettingsError: it has none; the text names models with names like it.
        BuildError: the project cannot be parsed, or the selection cannot be read.
    """
    arguments = ["ls", "--resource-type", "model", "--output", "name", "--select", *select.split()]
    outcome = _invoked(settings, as_of, context, arguments)
    if not outcome.success:
        raise BuildError(_failure(settings, "build", [], outcome.exception))
    if outcome.result:
        return
    manifest = read_parsed(settings, parse_key(settings, context))
    names = [n.name for n in manifest.nodes.values() if n.resource_type == "model"]
    near = difflib.get_close_matches(select.strip("+@"), names, n=3, cutoff=0.5)
    raise SettingsError(
        f"no model is selected by {select!r}; give a model's name, with + after it for all that follows from it"
        + (f": {', '.join(near)}" if near else "")
    )


def parsed_project(settings: Settings, context: str) -> Any:
    """The manifest of the project as this deployment has it; nothing is run, and no database is opened.

    Raises:
        BuildError: the project cannot be parsed.
    """
    outcome = _invoked(settings, date.min, context, ["parse"])
    manifest = read_parsed(settings, parse_key(settings, context))
    if manifest is None:
        raise BuildError(_failure(settings, "docs", [], outcome.exception))
    return manifest


def _invoked(
    settings: Settings,
    as_of: date,
    context: str,
    arguments: Sequence[str],
    heard: Callable[[Any], None] | None = None,
    *,
    full_refresh: bool = False,
) -> Any:
    """The outcome of a dbt command on the deployment's project; of its parsing, where that fails."""
    command, *options = arguments
    folder, var = str(project_folder()), plain(settings.var)
    project = [
        *("--project-dir", folder, "--profiles-dir", folder),
        *("--target-path", str(var / "dbt" / "target")),
        *("--log-path", str(var / "logs")),
        *("--vars", json.dumps(variables(settings))),
        *("--log-level", "none", "--log-level-file", "none", "--no-use-colors", "--no-print"),
        # The ledger has what happened, without the values of rows that dbt's own files would hold.
        "--no-write-json",
    ]
    run = {
        "MAINSTAY_AS_OF_DATE": as_of.isoformat(),
        "MAINSTAY_REBUILD": "all" if full_refresh else "stale_dates",
    }
    _write_own_sources(settings)
    _write_default_policies(settings)
    engine = engine_of(settings)
    told = dbt_environment(settings) | run
    with surroundings(told, without=("DBT_",)), dbt_log(settings) as log:
        _leave_no_semaphores()
        from dbt.cli.main import dbtRunner  # costs a second: only where dbt runs

        try:
            key = parse_key(settings, context)
            manifest = read_parsed(settings, key)
            if manifest is None:
                outcome = dbtRunner(callbacks=[log]).invoke(["parse", "--no-partial-parse", *project])
                if outcome.success:
                    manifest = outcome.result
                    keep_parsed(settings, key, manifest)
            if manifest is not None:
                _fit_to(settings, manifest)
                callbacks = [log, *([heard] if heard is not None else [])]
                runner = dbtRunner(manifest=manifest, callbacks=callbacks)
                asked = [command, *project, *options]
                if command == "build":
                    outcome = _built(settings, engine, runner, manifest, asked)
                    done = getattr(outcome.result, "results", None) or []
                    tell_lineage(settings, manifest, done, full_refresh=full_refresh)
                else:
                    outcome = runner.invoke(asked)
        finally:
            _close_connections(engine)
    if isinstance(outcome.exception, KeyboardInterrupt | SystemExit):
        raise outcome.exception  # dbt hands over as a result what must end the process
    return outcome


def _built(settings: Settings, engine: Engine, runner: Any, manifest: Any, asked: Sequence[str]) -> Any:
    """The outcome of a dbt build, what it made being kept whether or not all of it went well: it is looked at then."""
    reads = [(s.schema, s.identifier) for s in manifest.sources.values() if s.source_name != "raw"]
    with engine.building(settings, reads) as under_way, surroundings(under_way.environment, without=()):
        outcome = runner.invoke(list(asked))
        made = {
            (result.node.schema, result.node.alias): list(result.node.columns)
            for result in getattr(outcome.result, "results", None) or []
            if result.node.resource_type in ("model", "seed") and str(result.status) == "success"
        }
        under_way.keep(made)
    return outcome


def _write_own_sources(settings: Settings) -> None:
    """Tell dbt of the datasets that are the deployment's own; the shipped ones stand in the project."""
    own = [c for name, c in source_contracts(settings).items() if name not in canonical_contracts()]
    path = own_sources(settings)
    if not own:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(sources_yml(own, str(settings.contracts / "sources")), encoding="utf-8")


def _write_default_policies(settings: Settings) -> None:
    """Give dbt the policies that the deployment leaves out; it takes no file twice."""
    folder = default_policies(settings)
    for name in OPTIONAL:
        source, copy = policy_file(settings, name), folder / f"{name}.csv"
        if source.parent == settings.policies:
            copy.unlink(missing_ok=True)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)


def _fit_to(settings: Settings, manifest: Any) -> None:
    """Make a parsed project that of this deployment: where its own files lie, and which columns it adds to marts.

    dbt knows a deployment's files by paths relative to the project, and writes what it runs under that path below its
    target folder: from a folder elsewhere that leads out of it.
    """
    from dbt.artifacts.resources import ColumnInfo

    for node in manifest.nodes.values():
        path = Path(node.original_file_path)
        if node.resource_type == "seed":
            node.root_path = str(plain(policy_file(settings, path.stem).parent))
            node.original_file_path = path.name
        elif path.parts[0] == "..":
            node.original_file_path = str(Path("own", path.name))
    for dataset, columns in published_columns(settings).items():
        mart = manifest.nodes[f"model.mainstay.{PUBLISHED_IN[dataset]}"]
        for column in columns:
            mart.columns[column.name] = ColumnInfo(
                name=column.name, description=column.description, data_type=column.type, quote=True
            )


def _said(message: str | None) -> str | None:
    """A node's message, without what the database said of values."""
    return message and visible(without_values(message), keep="\n")


def _failure(
    settings: Settings, step: str, results: list[NodeResult], exception: BaseException | None
) -> str:
    failed = [r for r in results if r.failed]
    where = f"see {log_file(settings)}"
    if not failed:
        return f"{step}: dbt could not run: {_said(str(exception))}; {where}"
    first = "; ".join(
        f"{r.resource_type} {r.name}: {' '.join((r.message or r.status).split())[:300]}" for r in failed[:3]
    )
    return f"{step}: {len(failed)} of {len(results)} dbt nodes failed: {first}; {where}"


def _leave_no_semaphores() -> None:
    """Have dbt make its locks as ones that the system forgets with this process; before its other modules are imported.

    It makes them for processes that it would spawn, but runs threads alone. Such locks have names that have to be taken back
    in the end. Airflow ends a task's process at once, and Python's tracker then wrote of "leaked semaphore objects" to the
    log, where it stood as an error after each good task.
    """
    import dbt.mp_context

    dbt.mp_context._MP_CONTEXT = multiprocessing.get_context("fork")


def _close_connections(engine: Engine) -> None:
    from dbt.adapters.factory import cleanup_connections

    cleanup_connections()
    engine.let_go()


def slowest(results: list[NodeResult], count: int = 5) -> Iterator[NodeResult]:
    """The nodes that took longest."""
    yield from sorted(results, key=lambda r: -r.seconds)[:count]
