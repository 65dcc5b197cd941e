"""dbt's documentation of the project as one page that asks for nothing else: models, columns, tests, metrics, who reads what.

`dbt docs generate --static` opens the warehouse for the columns' types, which would keep a night waiting. The marts' types are in
their contracts, which dbt enforces, so the page is made of what dbt parsed alone: no row is read, and no database opened.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import BuildError
from pipelines.transform.environment import variables
from pipelines.transform.run import parsed_project
from pipelines.warehouse.rights import private_files, private_folder
from pipelines.warehouse.stale import context_hash

if TYPE_CHECKING:
    from pipelines.settings import Settings

_NOTHING_FROM_ELSEWHERE = "; ".join(
    (
        "default-src 'none'",
        "script-src 'unsafe-inline' 'unsafe-eval'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "font-src data:",
    )
)

_UNIT_TEST = "unit_test."

_MENDED = {
    # Whatever a page of a later dbt may ask for, the browser does not fetch it.
    "<head>": f'<head><meta http-equiv="Content-Security-Policy" content="{_NOTHING_FROM_ELSEWHERE}">',
    # An icon that dbt's makers did not build in, and pictures that are asked for by the names of their templates.
    """<link rel="shortcut icon" href="${require('./assets/favicons/favicon.ico')}"/>""": "",
    ' xlink:href="{{': ' ng-attr-href="{{',
}
"""What of dbt's page would ask for something, by its text, and what stands there instead."""


def write_docs(settings: Settings) -> Path:
    """Write the page for this deployment, whole or not at all, and return its path.

    Raises:
        SettingsError: a policy file is wrong.
        BuildError: the project cannot be parsed, or dbt's page is not as it was.
        OSError: the page cannot be written.
    """
    page = settings.dbt_docs
    partial = page.with_name(f".{page.name}.partial")
    private_folder(settings, page.parent)
    with private_files(settings):  # also what dbt keeps of the parsed project
        text = _page(parsed_project(settings, context_hash(settings, variables(settings))))
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(page)
        finally:
            partial.unlink(missing_ok=True)
    return page


def _page(manifest: Any) -> str:
    """The page of dbt with the project and its columns in it."""
    from dbt.task.docs import DOCS_INDEX_FILE_PATH

    page = Path(DOCS_INDEX_FILE_PATH).read_text(encoding="utf-8")
    for theirs, ours in _MENDED.items():
        page = page.replace(theirs, ours)
    for name, document in (("MANIFEST", _manifest), ("CATALOG", _catalog)):
        mark = f'"{name}.JSON INLINE DATA"'
        if mark not in page:
            raise BuildError(
                f"{DOCS_INDEX_FILE_PATH}: has no place for {name.lower()}.json; this release of dbt is not known"
            )
        # A description may hold the end of a script; JSON can write its sign otherwise.
        page = page.replace(
            mark, json.dumps(document(manifest), ensure_ascii=False, default=str).replace("<", "\\u003c")
        )
    return page


def _manifest(manifest: Any) -> dict[str, Any]:
    """What dbt parsed, without what is this machine's or nobody's business."""
    document: dict[str, Any] = manifest.writable_manifest().to_dict(omit_none=False)
    # The page would tell dbt's makers of each visit otherwise.
    document["metadata"] |= {"send_anonymous_usage_stats": False, "user_id": None, "env": {}}
    # Made-up rows, which a reader could take for the deployment's.
    document["unit_tests"] = {}
    for name in ("parent_map", "child_map"):
        document[name] = {
            key: [other for other in others if not other.startswith(_UNIT_TEST)]
            for key, others in document[name].items()
            if not key.startswith(_UNIT_TEST)
        }
    for node in document["nodes"].values():
        if "root_path" in node:
            node["root_path"] = ""
    return document


def _catalog(manifest: Any) -> dict[str, Any]:
    """The columns with their types, as contracts say."""
    return {
        "metadata": {"generated_at": datetime.now(UTC).isoformat(timespec="seconds")},
        "nodes": {
            key: _columns(node)
            for key, node in manifest.nodes.items()
            if node.resource_type in ("model", "seed")
        },
        "sources": {key: _columns(source) for key, source in manifest.sources.items()},
        "errors": None,
    }


def _columns(node: Any) -> dict[str, Any]:
    kind = "view" if getattr(node.config, "materialized", "table") == "view" else "table"
    return {
        "unique_id": node.unique_id,
        "metadata": {
            "type": kind,
            "schema": node.schema,
            "name": node.name,
            "database": node.database,
            "owner": None,
        },
        "columns": {
            column.name: {
                "name": column.name,
                "type": column.data_type or "",
                "index": place,
                "comment": column.description,
            }
            for place, column in enumerate(node.columns.values(), start=1)
        },
        "stats": {},
    }
