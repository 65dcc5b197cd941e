"""The document's sections on where the time goes."""

from __future__ import annotations

from bench.figures import Figures, audit, median, nights_of, span, table, typical


def _items_table(title: str, seconds: dict[str, float], whole: float, rest: str) -> str:
    items = sorted(seconds.items(), key=lambda item: -item[1])
    items.append((rest, whole - sum(seconds.values())))
    return f"{title}\n\n" + table(
        ("item", "seconds", "share"), [(n, f"{s:,.2f}", f"{s / whole:.0%}") for n, s in items]
    )


def loads_section(runs: dict[str, list[Figures]]) -> str:
    """Where the loads spend their time, of the run with the median time."""
    parts = []
    for part in ("load csv", "load parquet"):
        if part in runs:
            run = typical(runs[part])
            title = f"### {'CSV' if part.endswith('csv') else 'Parquet'}, {run['seconds']:,.1f} s"
            rest = "starting Python, imports, opening the run"
            parts.append(_items_table(title, run["items"]["seconds"], run["seconds"], rest))
    return "## Where a load's time goes\n\n" + "\n\n".join(parts) if parts else ""


def build_section(runs: dict[str, list[Figures]]) -> str:
    """Where dbt's three steps spend theirs."""
    if "build" not in runs:
        return ""
    run = typical(runs["build"])
    rows = []
    for step in ("stage", "build", "fit"):
        i = run["items"][step]
        rows.append(
            (step, f"{i['seconds']:,.1f}", f"{i['before_first_node']:,.1f}", f"{i['models']}", f"{i['model_seconds']:,.1f}",
             f"{i['tests']}", f"{i['test_seconds']:,.1f}", f"{i['after_last_node']:,.1f}")
        )  # fmt: skip
    head = (
        "step",
        "seconds",
        "before the first node",
        "models",
        "their seconds",
        "tests",
        "their seconds",
        "after the last",
    )
    slowest = run["items"]["build"]["slowest"].items()
    slow = table(
        ("slowest models", "seconds"), [(f"`{name}`", f"{seconds:,.2f}") for name, seconds in slowest]
    )
    loyal = [pair for step in run["items"].values() for pair in step["loyalty_models"].items()]
    theirs = table(
        ("slowest models of feedback and loyalty", "seconds"),
        [(f"`{name}`", f"{seconds:,.2f}") for name, seconds in sorted(loyal, key=lambda pair: -pair[1])[:6]],
    )
    return (
        f"## Where the build's time goes\n\n{run['seconds']:,.1f} s. Two dbt threads share the work, so that the seconds of "
        f"models and tests overlap.\n\n{table(head, rows)}\n\n{slow}\n\n{theirs}"
    )


def stages_section(runs: dict[str, list[Figures]]) -> str:
    """Validation, stage by stage."""
    if "validate" not in runs:
        return ""
    run, publish = typical(runs["validate"]), typical(runs["publish"])
    seconds = {**run["items"]["seconds"], "serving (within publish, imports included)": audit(publish)}
    whole = run["seconds"] + audit(publish)
    title = (
        f"## Where validation's time goes\n\n{run['items']['checks'] + publish['items']['checks']} checks."
    )
    return _items_table(title, seconds, whole, "starting Python, imports")


def tasks_section(runs: dict[str, list[Figures]]) -> str:
    """The empty night, task by task."""
    if not (nights := nights_of(runs)):
        return ""
    night = typical(nights)
    title = (
        "## An empty night, task by task\n\nThe next business date of a small deployment, with nothing left to load. As the date "
        "is a new one, dbt parses its project anew."
    )
    seconds = {**night["tasks"], "starting Python and Airflow": night["startup"]}
    return _items_table(title, seconds, night["seconds"], "Airflow's work per task")


def parts_section(runs: dict[str, list[Figures]]) -> str:
    """All parts with time and memory."""
    rows = [
        (
            part,
            span(of),
            f"{median(of, 'cpu_seconds'):,.1f} s",
            f"{max(run['peak_mib'] for run in of):,.0f} MiB",
        )
        for part, of in runs.items()
        if not part.startswith("generate")
    ]
    return "## Every part\n\n" + table(("part", "wall-clock", "processor time", "peak memory"), rows)
