"""`headrace demo`: real text through the whole of headrace, stopped and resumed, in seconds."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import typer
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from headrace.backends import Inline, Threads
from headrace.cli.failing import DATA_PROBLEM
from headrace.cli.options import AsJson
from headrace.cli.place import place_at, stored
from headrace.cli.printing import columns, counted, show, show_json, size
from headrace.contracts import Backend
from headrace.loader import DataLoader
from headrace.storage import Storage
from headrace.streams import Stream

# Any, in this file: records and batches are dicts with values of several types.

SEED = 7
BATCH = 8
WINDOW_BYTES = 512
BACKENDS: tuple[tuple[str, Backend], ...] = (("inline", Inline()), ("2 threads", Threads(2)))


@dataclass(frozen=True)
class Resumed:
    """One stop and resume, compared with the run that was never stopped."""

    stopped_on: str
    resumed_on: str
    state_bytes: int
    batches: int
    is_equal: bool


@dataclass(frozen=True)
class Demonstration:
    """What the demonstration did, and what came out."""

    records: int
    size_bytes: int
    shards: int
    submit_s: float
    first_files: tuple[tuple[str, ...], ...]
    epoch_batches: int
    stop_after: int
    state: str
    resumes: tuple[Resumed, ...]

    @property
    def is_equal(self) -> bool:
        """Whether each resume gave the batches of the uninterrupted run."""
        return all(resumed.is_equal for resumed in self.resumes)


def demo(*, as_json: AsJson = False) -> None:
    """Show what headrace does, on Python's own source files, in a temporary folder.

    Submits them, shuffles, cuts a random window out of each, batches, stops in the middle of
    the second epoch, resumes in a fresh loader and compares every bit.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-demo-") as folder:
        done = demonstrate(Path(folder))
    if as_json:
        show_json({**asdict(done), "state": json.loads(done.state), "is_equal": done.is_equal})
    else:
        _show(done)
    if not done.is_equal:
        raise typer.Exit(DATA_PROBLEM)


def demonstrate(folder: Path) -> Demonstration:
    """Runs it in `folder`."""
    began = time.perf_counter()
    Storage(folder / "storage").submit(python_files(), "python", "1.0", meta={"by": "demo"})
    submit_s = time.perf_counter() - began
    stream = chain(folder)
    epochs = [stream.epoch(0).collect(), stream.epoch(1).collect()]
    stop_after = len(epochs[1]) // 2
    saved = folder / "state.json"
    resumes = tuple(_resumes(folder, saved, epochs[1][stop_after:]))
    manifest = stored(place_at(str(folder / "storage")), "python", "1.0").manifest
    return Demonstration(
        records=manifest.rows,
        size_bytes=manifest.size_bytes,
        shards=len(manifest.shards),
        submit_s=round(submit_s, 3),
        first_files=tuple(tuple(epoch[0]["file"][:3]) for epoch in epochs),
        epoch_batches=len(epochs[1]),
        stop_after=stop_after,
        state=saved.read_text("utf-8"),
        resumes=resumes,
    )


def _resumes(folder: Path, saved: Path, expected: list[Any]) -> Iterator[Resumed]:
    """Stops before `expected` on each backend, and goes on from the saved file on each."""
    for (first, stops), (second, goes_on) in itertools.product(BACKENDS, repeat=2):
        saved.write_text(stopped(chain(folder), stops, left=len(expected)), "utf-8")
        rest = resumed(chain(folder), goes_on, saved.read_text("utf-8"))
        size_bytes = saved.stat().st_size
        yield Resumed(first, second, size_bytes, len(rest), same(rest, expected))


def python_files() -> Iterator[dict[str, Any]]:
    """The modules of the standard library as records."""
    for path in sorted(Path(os.__file__).parent.glob("*.py")):
        source = path.read_text("utf-8", errors="replace")
        yield {"file": path.name, "source": source, "lines": source.count("\n")}


def chain(folder: Path) -> Stream[Any]:
    """The chain that is run: everything from the storage on made anew."""
    ref = Storage(folder / "storage").fetch("python", "1.0")
    return ref.shuffle(seed=SEED).stream().map(window, seeded=True).batch(BATCH)


def window(record: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """A random part of the text: another one in each epoch, the same one after each resume."""
    encoded = record["source"].encode("utf-8").ljust(WINDOW_BYTES)
    start = rng.integers(len(encoded) - WINDOW_BYTES + 1)
    part = np.frombuffer(encoded, np.uint8, WINDOW_BYTES, start)
    return {"file": record["file"], "bytes": part}


def stopped(stream: Stream[Any], backend: Backend, *, left: int) -> str:
    """Runs an epoch and the next until `left` batches; the position it then holds, as JSON."""
    with DataLoader(stream, backend=backend) as loader:
        for _ in loader:
            pass
        for _ in itertools.islice(loader, len(stream) - left):
            pass
        return json.dumps(loader.state_dict())


def resumed(stream: Stream[Any], backend: Backend, state: str) -> list[Any]:
    """What is left of the epoch, in a fresh loader."""
    with DataLoader(stream, backend=backend) as loader:
        loader.load_state_dict(json.loads(state))
        return list(loader)


def same(batches: list[Any], expected: list[Any]) -> bool:
    """Whether the batches are equal to the last bit."""
    return len(batches) == len(expected) and all(
        ours["file"] == theirs["file"] and np.array_equal(ours["bytes"], theirs["bytes"])
        for ours, theirs in zip(batches, expected, strict=True)
    )


def _show(done: Demonstration) -> None:
    steps = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    steps.add_column(style="bold cyan", no_wrap=True)
    steps.add_column()
    for name, told in _steps(done):
        steps.add_row(name, Text(told))
    table = columns("stopped on", "resumed on", "state", "batches", "equal")
    for one in done.resumes:
        mark = Text("yes", "green") if one.is_equal else Text("NO", "bold red")
        state = f"{one.state_bytes} bytes"
        table.add_row(one.stopped_on, one.resumed_on, state, str(one.batches), mark)
    whole = Panel(Text(done.state), title="the whole state", title_align="left", style="dim")
    show("", steps, "", table, "", whole)
    show(
        "Every batch after the stop is the one of a run that never stopped."
        if done.is_equal
        else "Some batches differ from those of a run that never stopped: please report this."
    )


def _steps(done: Demonstration) -> Iterator[tuple[str, str]]:
    records = counted(done.records, "record")
    stored = f"{size(done.size_bytes)} in {counted(done.shards, 'shard')}"
    yield "submit", f"{records}, {stored}, {done.submit_s:.2f} s: the standard library's modules"
    for epoch, files in enumerate(done.first_files):
        yield ("shuffle" if epoch == 0 else ""), f"epoch {epoch}: {', '.join(files)}, ..."
    yield "map", f"a random window of {WINDOW_BYTES} bytes of each, another one each epoch"
    yield "batch", f"{done.epoch_batches} batches of {BATCH} an epoch"
    yield "stop", f"in epoch 1, after batch {done.stop_after} of {done.epoch_batches}"
    yield "resume", "from storage, in a fresh loader"
