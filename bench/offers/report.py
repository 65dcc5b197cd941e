"""The page of the offers' benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from bench.machine import machine
from bench.measure import Measured

SECONDS_AIM, CORES, MEMORY_AIM_MIB = 90, 2, 6 * 1024
BARS = {"buy_again": "personal_frequency", "discover": "popularity_without_own"}
OURS = {"buy_again": "recent_repeats", "discover": "item_neighbours"}


@dataclass(frozen=True)
class Hit:
    """A row of recommendation_evaluation, and the caps (items, neighbours) it was made with."""

    caps: tuple[int, int]
    list: str
    method: str
    cutoff: date
    customers: int
    recall: float
    ndcg: float
    hit_rate: float


@dataclass(frozen=True)
class Scale:
    """What the models took on generated lines."""

    rows: int
    customers: int
    products: int
    seed: int
    took: Measured


def document(hits: list[Hit], scale: Scale) -> str:
    """The page: quality beside the bars, the caps' cost, time and memory."""
    versions = machine()
    where = ", ".join(versions[name] for name in ("processor", "memory", "system"))
    return "\n".join(
        [
            "# What the offers hit, and what they take",
            "",
            "Written by `python -m bench.offers`; do not edit.",
            "",
            f"- Machine: {where}, python {versions['python']}, duckdb {versions['duckdb']}",
            *_quality(hits),
            *_caps(hits),
            *_scale(scale),
            "",
        ]
    )


def _quality(hits: list[Hit]) -> Iterator[str]:
    ours = [hit for hit in hits if hit.caps == hits[0].caps]
    yield from (
        "",
        "## On the demo",
        "",
        "One row of `recommendation_evaluation` per line: made from what was known at the cut-off, measured by each customer's "
        "first basket in the 28 days after it. What is published is in bold.",
    )
    for name, of_list in groupby(sorted(ours, key=lambda hit: hit.list), key=lambda hit: hit.list):
        yield from (
            "",
            f"### {name}",
            "",
            "| cut-off | customers | method | recall at 10 | NDCG at 10 | hit rate at 10 |",
            "| --- | ---: | --- | ---: | ---: | ---: |",
        )
        rows = list(of_list)
        for hit in rows:
            method = f"**{hit.method}**" if hit.method == OURS[name] else hit.method
            yield (
                f"| {hit.cutoff} | {hit.customers:,} | {method} "
                f"| {hit.recall:.4f} | {hit.ndcg:.4f} | {hit.hit_rate:.4f} |"
            )
        yield ""
        yield _verdict(rows, name)


def _verdict(rows: list[Hit], name: str) -> str:
    """By how much ours is above the bar on the mean, and at how many cut-offs in both."""
    ours, bar = (_by_cutoff(rows, method[name]) for method in (OURS, BARS))
    above = sum(ours[day].recall > bar[day].recall and ours[day].hit_rate > bar[day].hit_rate for day in ours)
    more = [
        sum(getattr(hit, what) for hit in ours.values()) / sum(getattr(hit, what) for hit in bar.values()) - 1
        for what in ("recall", "hit_rate")
    ]
    return (
        f"Beside `{BARS[name]}`, the bar: {more[0]:+.1%} in recall and {more[1]:+.1%} in hit rate on the mean; "
        f"above it in both at {above} of {len(ours)} cut-offs."
    )


def _by_cutoff(rows: list[Hit], method: str) -> dict[date, Hit]:
    return {hit.cutoff: hit for hit in rows if hit.method == method}


def _caps(hits: list[Hit]) -> Iterator[str]:
    found = {caps: list(rows) for caps, rows in groupby(_discoveries(hits), key=lambda hit: hit.caps)}
    mean = {
        caps: [sum(getattr(hit, what) for hit in rows) / len(rows) for what in ("recall", "ndcg", "hit_rate")]
        for caps, rows in found.items()
    }
    own = mean[hits[0].caps]
    yield from (
        "",
        "## What the caps cost",
        "",
        "`discover` on the same cut-offs, means of them. A customer is spoken for by so many items, an item has so many "
        "neighbours; the first line is what is published, the last is as good as no caps: few of the demo's customers "
        "have more items of ten buyers.",
        "",
        "| items | neighbours | recall at 10 | NDCG at 10 | hit rate at 10 | recall beside the published |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    )
    for (items, neighbours), (recall, ndcg, hit_rate) in mean.items():
        yield (
            f"| {items} | {neighbours} | {recall:.4f} | {ndcg:.4f} | {hit_rate:.4f} | {recall / own[0] - 1:+.1%} |"
        )


def _discoveries(hits: list[Hit]) -> list[Hit]:
    """Our discoveries, by caps in the order in which they were tried."""
    tried = list(dict.fromkeys(hit.caps for hit in hits))
    return sorted(
        (hit for hit in hits if hit.method == OURS["discover"]), key=lambda hit: tried.index(hit.caps)
    )


def _scale(scale: Scale) -> Iterator[str]:
    took = scale.took
    cpu = took.cpu_seconds
    is_met = cpu < SECONDS_AIM * CORES and took.peak_mib < MEMORY_AIM_MIB
    yield from (
        "",
        "## At scale",
        "",
        f"{scale.rows:,} generated lines (seed {scale.seed}) of {scale.customers:,} customers and {scale.products:,} products, "
        "all models of offers one after the other on two threads, without dbt around them. Processor seconds are what "
        "other work on the machine changes least; two quiet cores need at least half of them by the clock.",
        "",
        f"**{took.seconds:.1f} s by the clock, {cpu:.1f} processor seconds, {took.peak_mib:,.0f} MiB.** Aim: "
        f"{SECONDS_AIM} s on {CORES} cores, {SECONDS_AIM * CORES} processor seconds, and {MEMORY_AIM_MIB:,} MiB: "
        f"**{'met' if is_met else 'missed'}** by processor seconds and memory, "
        f"{'met' if took.seconds < SECONDS_AIM else 'missed'} by the clock of this run.",
        "",
        "| model | rows | seconds | processor seconds |",
        "| --- | ---: | ---: | ---: |",
    )
    for name, item in took.items.items():
        yield (
            f"| {name.partition('.')[2]} | {item['rows']:,} | {item['seconds']:.1f} | {item['cpu_seconds']:.1f} |"
        )
