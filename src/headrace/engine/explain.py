"""A chain drawn as text: lengths, what became order, what runs in tasks, what looks ahead."""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np

from headrace.contracts import (
    Begins,
    Drawn,
    Run,
    Visit,
    look_ahead_of,
    read_ahead_of,
    replays,
)
from headrace.contracts.records import ahead_positions_of
from headrace.engine.chain import Chain
from headrace.engine.lint import lint, title_of
from headrace.engine.visited import bound_order
from headrace.orders import needs_seed

PLACES = {
    "order": "order     arithmetic on positions, nothing is read for it",
    "task": "task      runs on the backend's workers",
    "chains": "chains    reads whole chains beside the consumer",
    "consumer": "consumer  runs in the thread that iterates",
}


@dataclass(frozen=True)
class Row:
    """One line of the drawing."""

    text: str
    where: str
    length: str


def explain(chain: Chain, run: Run | None = None) -> str:
    """The chain as a drawing in text."""
    run = Run() if run is None else run
    rows = _rows(chain, run)
    wide = max(len(row.text) for row in rows)
    lines = [f"stream over {chain.identity}"]
    for number, row in enumerate(rows):
        branch = "└─" if number == len(rows) - 1 else "├─"
        lines.append(f"{branch} {row.text:<{wide}}  {row.where:<8}  {row.length:>12}".rstrip())
    used = dict.fromkeys(row.where for row in rows if row.where in PLACES)
    lines += ["", *(PLACES[where] for where in used), *_remarks(chain, run)]
    return "\n".join(lines)


def chain_html(chain: Chain) -> str:
    """The same drawing for a notebook."""
    return f"<pre>{html.escape(explain(chain))}</pre>"


def _rows(chain: Chain, run: Run) -> list[Row]:
    source = chain.source
    base = Chain(source)
    found = [
        Row(
            chain.source_text,
            "order" if isinstance(source, Visit) else "source",
            _length(base, run),
        )
    ]
    for number, (stage, where) in enumerate(zip(chain.stages, chain.plan.wheres, strict=True)):
        part = Chain(source, chain.stages[: number + 1])
        found.append(Row(title_of(stage), where, _length(part, run)))
    return found


def _length(chain: Chain, run: Run) -> str:
    if chain.is_infinite:
        return "endless"
    length = chain.length(run)
    return "unknown" if length is None else f"{length:,}"


def _remarks(chain: Chain, run: Run) -> list[str]:
    plan = chain.plan
    unit, source = plan.segment.unit, plan.source
    found = [f"unit      {unit:,} position{'s' * (unit > 1)}: a task is a run of whole units"]
    ahead = read_ahead_of(source.records) if isinstance(source, Visit) else 0
    what = f"up to {ahead:,} records in one read" if ahead else "nothing"
    found.append(f"ahead     {what}; on workers, the tasks in flight")
    if isinstance(source, Visit) and (way := _reading(source, run)):
        found.append(f"reads     {way}")
    found += [
        f"ahead     {title_of(stage)}: up to {bound:,} undelivered records"
        for stage in chain.stages
        if (bound := look_ahead_of(stage))
    ]
    if isinstance(source, Drawn):
        found.append("resume    draws and drops what was delivered: no random access")
    again = [str(stage) for stage in chain.stages if isinstance(stage, Begins) and replays(stage)]
    if again:
        found.append(f"resume    runs the epoch of {', '.join(again)} again from its start")
    found += [f"warning   {one.stage} {one.message}" for one in lint(chain, run)]
    return found


def _reading(source: Visit, run: Run) -> str:
    """Which way the records that come first are read, "" where they cannot tell."""
    reading = getattr(source.records, "reading", None)
    if reading is None or (run.seed is None and needs_seed(source.order)):
        return ""
    order = bound_order(source, run)
    count = order.count(run.epoch)
    size = min(count, ahead_positions_of(source.records))
    way: str = reading(order.at(run.epoch, np.arange(size, dtype=np.int64)), left=count)
    return way
