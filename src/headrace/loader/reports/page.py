"""The report as one page of HTML that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib.resources import files

from headrace.engine import StageStats, duration
from headrace.loader.reports.facts import Facts
from headrace.loader.reports.lanes import HOLD, WAIT, Lane, lanes_of
from headrace.loader.reports.text import epoch_lines
from headrace.loader.reports.timeline import colour, timeline

# Nothing is fetched, sent or run, whatever stages are called.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
# The close view shows so many turns of the loop: single tasks and batches are seen in it.
CLOSE_TURNS = 24
TITLES = (
    "stage",
    "where",
    "records",
    "MB",
    "busy",
    "computing",
    "waits in",
    "waits out",
    "ceiling/s",
)


def report_page(facts: Facts) -> str:
    """The page: verdict, where the loop's time went, stages, timelines, epochs."""
    style = files("headrace.loader.reports").joinpath("style.css").read_text("utf-8")
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>headrace: {escape(facts.backend)}</title><style>{style}</style>"
    )
    body = f"{_top(facts)}<main>{''.join(_sections(facts))}</main>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _top(facts: Facts) -> str:
    stats = facts.stats
    rate = stats.records / stats.wall_s if stats.wall_s else 0.0
    told = {
        "runs on": facts.backend,
        "outputs": f"{stats.records:,}",
        "a second": f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}",
        "in": duration(stats.wall_s),
        "epochs": f"{len(facts.epochs):,}",
    }
    pairs = "".join(f"<div><dt>{name}</dt><dd>{escape(it)}</dd></div>" for name, it in told.items())
    return (
        '<header class="top"><div class="inner"><h1>What the loader did</h1>'
        f'<p class="verdict">{escape(stats.bottleneck)}</p><dl>{pairs}</dl></div></header>'
    )


def _sections(facts: Facts) -> Iterable[str]:
    yield _section("The loop", "", _shares(facts))
    yield _section("Stages", "", _table(facts.stats.stages))
    lanes = lanes_of(facts)
    if lanes and facts.end_s > facts.begin_s:
        yield from _timelines(facts, lanes)
    if facts.epochs:
        yield _section("Epochs", "", _lines(epoch_lines(facts.epochs)))
    if facts.notes:
        yield _section("Workers", "", _lines(facts.notes))


def _section(name: str, note: str, body: str) -> str:
    said = f'<span class="note">{escape(note)}</span>' if note else ""
    return f'<section><div class="head"><h2>{name}</h2>{said}</div>{body}</section>'


def _shares(facts: Facts) -> str:
    stats = facts.stats
    held = min(1.0, stats.held_s / stats.wall_s) if stats.wall_s else 0.0
    parts = ((WAIT, "waits for the loader", 1 - held), (HOLD, "holds a record", held))
    bars = "".join(f'<i class="{key}" style="width:{share:.2%}"></i>' for key, _, share in parts)
    words = "".join(
        f'<span><i class="key {key}"></i>{name} {share:.0%}</span>' for key, name, share in parts
    )
    return f'<div class="share">{bars}</div><p class="legend">{words}</p>'


def _table(stages: Iterable[StageStats]) -> str:
    head = "".join(f"<th>{title}</th>" for title in TITLES)
    rows = "".join(_row(stage) for stage in stages)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="scroll">{table}</div>'


def _row(stage: StageStats) -> str:
    cells = (
        stage.where,
        f"{stage.records:,}",
        f"{stage.size_bytes / 1e6:,.1f}",
        duration(stage.busy_s),
        "-" if stage.cpu_share is None else f"{stage.cpu_share:.0%}",
        duration(stage.waiting_for_input_s),
        duration(stage.waiting_for_output_s),
        f"{stage.ceiling:,.0f}" if stage.busy_s else "-",
    )
    name = f'<th><i class="key {colour(stage.number)}"></i>{escape(stage.name)}</th>'
    return f"<tr>{name}{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _timelines(facts: Facts, lanes: list[Lane]) -> Iterable[str]:
    far = f"; {facts.far_tasks:,} tasks ran on other machines" if facts.far_tasks else ""
    note = f"the newest {duration(facts.end_s - facts.begin_s)}{far}"
    drawn = timeline(lanes, facts.begin_s, facts.end_s)
    words = (
        "A strip is as high as what filled its time; colours are those of the stages above. Inside "
        "a task the stages take turns, record by record; one whose result the loop has not taken "
        "yet is not drawn."
    )
    yield _section("Timeline", note, f'{drawn}<p class="note">{words}</p>')
    if len(facts.turns) > CLOSE_TURNS:
        close = facts.turns[-CLOSE_TURNS:]
        begin, end = close[0].begin_s, close[-1].end_s
        note = f"the last {CLOSE_TURNS} turns of the loop"
        yield _section("Close up", note, timeline(lanes, begin, end))


def _lines(lines: Iterable[str]) -> str:
    return f'<ul class="lines">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>'
