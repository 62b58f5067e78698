"""The report as a trace: the Trace Event Format, which chrome://tracing and Perfetto open.

The form: "Trace Event Format", by N. Duca and D. Sinclair; complete events ("X") with times in
microseconds, and metadata events ("M") that name processes and threads.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from headrace.contracts.timing import Span, Turn, Worker
from headrace.loader.reports.facts import Facts

# Any, in this file: JSON.
Event = dict[str, Any]

# The thread of the consumer in its own process; workers are numbered after it.
CONSUMER = 0


def report_trace(facts: Facts) -> str:
    """All that is kept, as one JSON object."""
    return json.dumps(
        {
            "traceEvents": list(_events(facts)),
            "displayTimeUnit": "ms",
            "otherData": {
                "backend": facts.backend,
                "verdict": facts.stats.bottleneck,
                "tasks on other machines, not shown": str(facts.far_tasks),
            },
        }
    )


def _events(facts: Facts) -> Iterator[Event]:
    begin_s, here = facts.begin_s, os.getpid()
    threads = {worker: number for number, worker in enumerate(_workers(facts), CONSUMER + 1)}
    for process in sorted({here, *(worker.process for worker in threads)}):
        name = "loader" if process == here else f"worker {process}"
        yield _named("process_name", process, CONSUMER, name)
    yield _named("thread_name", here, CONSUMER, "the loop that reads")
    for worker, number in threads.items():
        yield _named("thread_name", worker.process, number, worker.thread)
    for task in facts.tasks:
        yield _task(facts, task, threads[task.worker], begin_s)
    for turn in facts.turns:
        yield from _turn(facts, turn, here, begin_s)


def _workers(facts: Facts) -> list[Worker]:
    return sorted({task.worker for task in facts.tasks})


def _named(kind: str, process: int, thread: int, name: str) -> Event:
    return {"ph": "M", "name": kind, "pid": process, "tid": thread, "args": {"name": name}}


def _task(facts: Facts, task: Span, thread: int, begin_s: float) -> Event:
    slowest = max(task.busy, key=lambda one: one[1], default=None)
    return {
        "ph": "X",
        "name": "task" if slowest is None else facts.name(slowest[0]),
        "cat": "task",
        "pid": task.worker.process,
        "tid": thread,
        "ts": _us(task.begin_s - begin_s),
        "dur": _us(task.end_s - task.begin_s),
        "args": {
            "epoch": task.epoch,
            "positions": f"{task.start} to {task.stop - 1}",
            **_busy(facts, task.busy),
        },
    }


def _turn(facts: Facts, turn: Turn, process: int, begin_s: float) -> Iterator[Event]:
    for name, start_s, took_s, more in (
        ("wait", turn.begin_s, turn.waited_s, _busy(facts, turn.busy)),
        ("hold", turn.begin_s + turn.waited_s, turn.held_s, {}),
    ):
        yield {
            "ph": "X",
            "name": name,
            "cat": "consumer",
            "pid": process,
            "tid": CONSUMER,
            "ts": _us(start_s - begin_s),
            "dur": _us(took_s),
            "args": {"outputs": turn.outputs, **more},
        }


def _busy(facts: Facts, busy: tuple[tuple[int, float], ...]) -> dict[str, str]:
    """The milliseconds of each stage; they take turns record by record, so no place is theirs."""
    return {f"{facts.name(number)} ms": f"{1e3 * seconds:.3f}" for number, seconds in busy}


def _us(seconds: float) -> float:
    # Nanoseconds are as fine as the clock: rounded, so that neighbours do not overlap by less.
    return round(1e6 * seconds, 3)
