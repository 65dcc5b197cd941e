"""The documentation of the models as a page to look at."""

from __future__ import annotations

from pipelines.cli.common import JsonFlag, clear_errors, load_settings, out, print_json, progress


@clear_errors
def docs(as_json: JsonFlag = False) -> None:
    """Write dbt's documentation of this deployment's models, columns, tests and metrics as one page."""
    from pipelines.transform.docs import write_docs

    with progress("docs", quiet=as_json):
        path = write_docs(load_settings())
    if as_json:
        print_json({"path": path, "size_bytes": path.stat().st_size})
        return
    out.print(str(path), markup=False, soft_wrap=True)
