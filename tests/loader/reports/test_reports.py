"""What a loader did, as text, as a page, as a trace."""

from __future__ import annotations

import json
import os
import re
import threading
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, StreamError
from headrace.contracts.timing import EpochTime, Span, Timing, Turn, Worker
from headrace.loader.reports.facts import Facts, facts_of
from headrace.loader.reports.lanes import MOST_STRIPS, Lane, Strip, lanes_of
from headrace.loader.reports.page import report_page
from headrace.loader.reports.text import epoch_lines
from headrace.loader.reports.timeline import ticks
from headrace.loader.reports.trace import report_trace
from headrace.watching import machine_here

# Any, in this file: records and JSON.
BACKENDS = [hr.Inline(), hr.Threads(2)]
NEVER = threading.Event()


def decoded(number: int) -> Any:
    NEVER.wait(0.001)
    return np.full(10, number)


def augmented(batch: Any) -> Any:
    return batch + 1


def chain() -> hr.Stream[Any]:
    return hr.stream(range(60)).map(decoded).filter(lambda _: True).batch(5).map(augmented)


def ran(backend: Any = None, epochs: int = 2, **more: Any) -> hr.DataLoader[Any]:
    with hr.DataLoader(chain(), backend=backend, stats=True, **more) as loader:
        for _ in range(epochs):
            for _ in loader:
                NEVER.wait(0.001)
    return loader


def timing_of(loader: hr.DataLoader[Any]) -> Timing:
    timing = loader._timing  # pyright: ignore[reportPrivateUsage] - reports are made of it
    assert timing is not None
    return timing


def facts(loader: hr.DataLoader[Any]) -> Facts:
    return facts_of("Threads(2)", loader.stats(), timing_of(loader))


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
def test_the_text_tells_the_stages_the_verdict_and_the_epochs(backend: Any) -> None:
    loader = ran(backend)
    text = loader.report()
    assert text.startswith(f"runs on {backend}")
    assert str(loader.stats()) in text
    assert loader.stats().bottleneck in text
    assert re.search(
        r"epoch 0: 12 outputs in .*; the loop waited \d+% of it\nepoch 1: 12 out", text
    )


def test_many_epochs_are_told_by_the_first_and_the_last() -> None:
    lines = epoch_lines(tuple(EpochTime(number, 1, 0.5, 0.5) for number in range(20)))
    assert [line.split(":")[0] for line in lines] == [
        *("epoch 0", "epoch 1", "epoch 2", "... 14 epochs more"),
        *("epoch 17", "epoch 18", "epoch 19"),
    ]
    assert lines[0] == "epoch 0: 1 output in 1 s, 1/s; the loop waited 50% of it"


def test_in_mid_epoch_all_outputs_but_the_one_that_is_held_are_told() -> None:
    with hr.DataLoader(hr.stream(range(9)), stats=True) as loader:
        batches = iter(loader)
        for _ in range(5):
            next(batches)
        assert loader.report().splitlines()[-1].startswith("epoch 0: 4 outputs in ")


def test_restarts_and_tasks_elsewhere_are_told() -> None:
    loader = ran(hr.Threads(2))
    timing = timing_of(loader)
    far = timing.tasks[0]._replace(worker=Worker("another", 1, "MainThread"))
    timing.tasks.append(far)
    found = facts_of("Dask()", loader.stats(), timing, restarts=3)
    assert found.far_tasks == 1
    assert len(found.tasks) == len(timing.tasks) - 1
    assert found.notes == ("restarts: 3 workers ended and were replaced",)
    assert "1 tasks ran on other machines" in report_page(found)
    assert '"tasks on other machines, not shown": "1"' in report_trace(found)


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
def test_turns_are_all_of_the_loops_time_one_after_the_other(backend: Any) -> None:
    loader = ran(backend)
    timing = timing_of(loader)
    turns = list(timing.turns)
    assert sum(turn.outputs for turn in turns) == loader.stats().records
    assert sum(turn.held_s for turn in turns) == pytest.approx(loader.stats().held_s)
    for turn, after in pairwise(turns):
        assert turn.end_s <= after.begin_s + 1e-9
    assert sum(one.outputs for one in timing.epochs.values()) == 24


def test_tasks_tell_where_they_ran_and_what_they_made() -> None:
    timing = timing_of(ran(hr.Threads(2)))
    for epoch in (0, 1):
        made = [range(task.start, task.stop) for task in timing.tasks if task.epoch == epoch]
        assert [position for one in made for position in one if position < 60] == list(range(60))
    assert {task.worker.process for task in timing.tasks} == {os.getpid()}
    assert {task.worker.thread for task in timing.tasks} <= {"headrace-0", "headrace-1"}
    assert {task.worker.machine for task in timing.tasks} == {machine_here()}
    for task in timing.tasks:
        assert sum(seconds for _, seconds in task.busy) <= task.end_s - task.begin_s
    assert min(task.begin_s for task in timing.tasks) >= timing.turns[0].begin_s


# -- the page ----------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a page is made of: each tag that is opened is closed, and nothing is loaded."""

    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.links += [str(value) for key, value in attrs if key in ("src", "href", "srcset")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
def test_the_page_is_whole_and_loads_nothing(backend: Any, tmp_path: Path) -> None:
    loader = ran(backend)
    text = loader.report(tmp_path / "run.html")
    html = (tmp_path / "run.html").read_text("utf-8")
    page = Page()
    page.feed(html)
    assert page.open == []
    assert page.links == []
    assert not {"script", "link", "img", "iframe"} & set(page.names)
    assert "url(" not in html
    assert "http:" not in html.replace("http-equiv", "")
    assert "default-src 'none'" in html
    assert text == loader.report()
    assert "the loop that reads" in html
    assert "map(decoded)" in html
    assert [one.name for one in tmp_path.iterdir()] == ["run.html"]


def test_names_of_stages_cannot_become_markup(tmp_path: Path) -> None:
    def fn(record: int) -> int:
        return record

    fn.__qualname__ = fn.__name__ = "<script>alert(1)</script>"
    stream = hr.stream(range(50)).map(fn)
    with hr.DataLoader(stream, stats=True, backend=hr.Threads(1)) as loader:
        list(loader)
    loader.report(tmp_path / "run.html")
    html = (tmp_path / "run.html").read_text("utf-8")
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_a_loader_that_gave_nothing_has_a_page(tmp_path: Path) -> None:
    loader = hr.DataLoader(chain(), stats=True)
    loader.report(tmp_path / "run.html")
    assert "Nothing was read yet." in (tmp_path / "run.html").read_text("utf-8")


def test_lanes_show_the_loop_what_runs_beside_it_and_each_worker() -> None:
    names = [lane.name for lane in lanes_of(facts(ran(hr.Threads(2))))]
    assert names[:2] == ["the loop that reads", "beside the consumer"]
    assert set(names[2:]) <= {"headrace-0", "headrace-1"}
    ahead = hr.stream(range(40)).async_map(decoded, max_workers=3).batch(4)
    with hr.DataLoader(ahead, stats=True) as loader:
        list(loader)
    lanes = {lane.name: lane for lane in lanes_of(facts(loader))}
    assert lanes["async_map(decoded)"].note == "3 workers"


def test_many_strips_become_bins_of_the_same_shares() -> None:
    strips = tuple(Strip(at, at + 0.5, ((0, 0.5), (1, 0.25))) for at in range(2_000))
    found = Lane("one", "", strips).between(0.0, 2_000.0).strips
    assert len(found) == MOST_STRIPS
    for key, share in ((0, 0.25), (1, 0.125)):
        filled = sum(dict(s.shares)[key] * (s.end_s - s.begin_s) for s in found)
        assert filled == pytest.approx(2_000 * share)
    few = Lane("one", "", strips).between(100.0, 110.0).strips
    assert few == strips[100:110]


def test_ticks_are_round() -> None:
    assert ticks(2.3) == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert ticks(0.0071) == [0.0, 0.002, 0.004, 0.006]
    assert ticks(100.0) == [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]


# -- the trace ---------------------------------------------------------------------------------


def checked(trace: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a trace, after the rules of the Trace Event Format."""
    assert isinstance(trace["traceEvents"], list)
    assert trace["displayTimeUnit"] in ("ms", "ns")
    assert isinstance(trace["otherData"], dict)
    lanes: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for event in trace["traceEvents"]:
        assert event["ph"] in ("X", "M")
        assert isinstance(event["name"], str)
        assert type(event["pid"]) is int
        assert type(event["tid"]) is int
        assert isinstance(event["args"], dict)
        if event["ph"] == "M":
            assert event["name"] in ("process_name", "thread_name")
            assert isinstance(event["args"]["name"], str)
            continue
        assert isinstance(event["cat"], str)
        assert event["ts"] >= 0
        assert event["dur"] >= 0
        lanes.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["dur"]))
    for spans in lanes.values():
        spans.sort()
        # Complete events of a thread nest or follow one another; ours follow. Times are rounded
        # to nanoseconds.
        for (begin, took), (after, _) in pairwise(spans):
            assert begin + took <= after + 0.01
    return [event for event in trace["traceEvents"] if event["ph"] == "X"]


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
def test_the_trace_has_the_form_that_viewers_read(backend: Any, tmp_path: Path) -> None:
    loader = ran(backend)
    loader.report(tmp_path / "run.json")
    trace = json.loads((tmp_path / "run.json").read_text("utf-8"))
    events = checked(trace)
    waits = [event for event in events if event["name"] == "wait"]
    assert sum(event["args"]["outputs"] for event in waits) == 24
    tasks = [event for event in events if event["cat"] == "task"]
    assert bool(tasks) == (backend.look_ahead > 0)
    # The node that took longest: on a busy machine any of those that a task has.
    assert {task["name"] for task in tasks} <= {"range(60)", "map(decoded)"}
    assert trace["otherData"]["verdict"] == loader.stats().bottleneck


def test_workers_of_other_processes_have_rows_of_their_own() -> None:
    timing = Timing(hr.stream(range(3)).node, num_workers=2)
    timing.turns.append(Turn(10.0, 1.0, 0.5, 1, ()))
    for process in (7, 8):
        here = Worker(machine_here(), process, "MainThread")
        timing.tasks.append(Span(here, 9.5, 10.5, 0, 0, 4, ((-1, 0.5),)))
    loader = hr.DataLoader(hr.stream(range(3)), stats=True)
    found = facts_of("Processes(2)", loader.stats(), timing)
    events = checked(json.loads(report_trace(found)))
    assert {event["pid"] for event in events} == {7, 8, os.getpid()}
    assert min(event["ts"] for event in events) == 0
    assert [lane.name for lane in lanes_of(found)][-2:] == ["worker 7", "worker 8"]


# -- where it is refused -----------------------------------------------------------------------


def test_a_report_of_a_loader_without_times_says_how_to_get_them() -> None:
    with pytest.raises(StreamError, match=r"stats\(\) was asked .* stats=True"):
        hr.DataLoader(chain()).report()


def test_a_name_says_the_form(tmp_path: Path) -> None:
    loader = ran(epochs=1)
    loader.report(tmp_path / "run.TXT")
    assert (tmp_path / "run.TXT").read_text("utf-8") == loader.report()
    with pytest.raises(ArgumentError, match=r"asked as 'run.pdf', .* Use .html for a page, .json"):
        loader.report("run.pdf")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"cannot write the report to .*none.* Give a file in"):
        ran(epochs=1).report(tmp_path / "none" / "run.html")
