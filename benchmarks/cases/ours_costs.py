"""What headrace costs beside records: order, state, opening, resuming."""

# Any, in this file: loaders and streams are used through their public methods alone.
from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import count, islice
from statistics import median
from typing import Any

import numpy as np

import headrace as hr
from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect, seconds, warm
from benchmarks.opening import first_batch
from benchmarks.stored import WIDE, stored, stored_wide

ORDER_SIZE = 10**12
INDICES = 65_536
SEED = 1
BATCH = 64
REPEATS = 15
STATES = 500
RESUME_AT = 0.9


def _order(bench: Bench) -> Figures:
    """Nanoseconds an index, each time in another part of the order."""
    order = hr.order(ORDER_SIZE, seed=SEED, shuffle="global")
    indices = order.indices(0, 0, INDICES)
    expect(len(np.unique(indices)) == INDICES, "the order repeats an index")
    expect(bool((indices >= 0).all() and (indices < ORDER_SIZE).all()), "an index is outside")
    starts = count(INDICES, INDICES)

    def draw() -> None:
        start = next(starts)
        order.indices(0, start, start + INDICES)

    figures = seconds(draw, REPEATS)
    return {**figures, "value": figures["value"] / INDICES * 1e9, "unit": "ns/index"}


def _first_index(bench: Bench) -> Figures:
    """Milliseconds to the first index of an order made anew."""
    seeds = count(SEED)

    def draw() -> None:
        hr.order(ORDER_SIZE, seed=next(seeds), shuffle="global").indices(0, 0, 1)

    figures = seconds(draw, REPEATS)
    return {**figures, "value": figures["value"] * 1e3, "unit": "ms"}


def _loader(bench: Bench) -> Any:
    return hr.DataLoader(stored(bench, "W1").shuffle(SEED).stream().batch(BATCH))


def _states(bench: Bench) -> tuple[list[float], list[int]]:
    """Seconds and bytes of a state taken after each batch."""
    times, sizes = [], []
    with _loader(bench) as loader:
        for _batch in islice(loader, STATES):
            started = time.perf_counter()
            state = loader.state_dict()
            times.append(time.perf_counter() - started)
            sizes.append(len(json.dumps(state)))
    return times, sizes


def _state_time(bench: Bench) -> Figures:
    times, _ = _states(bench)
    return {"value": median(times) * 1e6, "unit": "us", "largest_us": max(times) * 1e6}


def _state_size(bench: Bench) -> Figures:
    _, sizes = _states(bench)
    return {"value": float(max(sizes)), "unit": "bytes"}


def _open(bench: Bench) -> Figures:
    """Milliseconds from a path to the first shuffled batch, in this process."""
    folder = stored_wide(bench)
    warm(folder)
    seeds = count(SEED)
    figures = seconds(lambda: first_batch(folder, next(seeds)), REPEATS)
    return {**figures, "value": figures["value"] * 1e3, "unit": "ms"}


def _open_new_process(bench: Bench) -> Figures:
    """The same in a process that has done nothing but import headrace."""
    folder = stored_wide(bench)
    warm(folder)
    command = [sys.executable, "-m", "benchmarks.opening", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {"value": float(json.loads(done.stdout)["ms"]), "unit": "ms"}


def _import(bench: Bench) -> Figures:
    """Milliseconds of `import headrace` in a process that has done nothing."""
    return _imported(bench, "import headrace")


def _import_nouns(bench: Bench) -> Figures:
    """The same with the names of nearly every program, each of which imports its module."""
    return _imported(bench, "from headrace import DataLoader, DataRef, Storage, stream")


def _import_numpy(bench: Bench) -> Figures:
    """The same of NumPy, which headrace cannot do without."""
    return _imported(bench, "import numpy")


def _imported(bench: Bench, line: str) -> Figures:
    program = f"import time; t = time.perf_counter(); {line}; print(time.perf_counter() - t)"
    times = [float(_ran(bench, "-c", program)) for _ in range(1 + REPEATS)][1:]
    return {"value": median(times) * 1e3, "unit": "ms", "least_ms": min(times) * 1e3}


def _show(bench: Bench) -> Figures:
    """Milliseconds of the whole command."""
    folder = stored_wide(bench)
    warm(folder)
    command = ("-m", "headrace.cli", "show", WIDE, "--storage", str(folder))
    _ran(bench, *command)
    figures = seconds(lambda: _ran(bench, *command), REPEATS)
    return {**figures, "value": figures["value"] * 1e3, "unit": "ms"}


def _ran(bench: Bench, *arguments: str) -> str:
    """What Python prints, with bytecode as an installed package has it after its first run."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {**kept, "PYTHONPYCACHEPREFIX": str(bench.scratch / "bytecode")}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return done.stdout


def _start(bench: Bench, *, at: float) -> Figures:
    """Milliseconds from a stored dataset to the first batch, at a part of the epoch."""
    state, wanted = _state_at(bench, at)
    ref = stored(bench, "W1")
    warm(bench.scratch / "stored" / "W1")

    def begin() -> None:
        with hr.DataLoader(ref.shuffle(SEED).stream().batch(BATCH)) as loader:
            if at > 0:
                loader.load_state_dict(state)
            batch = next(iter(loader))
        expect(np.array_equal(batch["label"], wanted), "the resumed batch is another one")

    figures = seconds(begin, REPEATS)
    return {**figures, "value": figures["value"] * 1e3, "unit": "ms"}


def _state_at(bench: Bench, part: float) -> tuple[Any, Any]:
    """A state in mid-epoch, and the labels of the batch that comes next."""
    with _loader(bench) as loader:
        batches = iter(loader)
        for _batch in islice(batches, int(len(loader) * part)):
            pass
        state = loader.state_dict()
        return state, next(batches)["label"]


CASES = [
    Case("costs", "order: 65,536 indices of 1e12", _order),
    Case("costs", "order: first index of 1e12", _first_index),
    Case("costs", "state_dict: time", _state_time),
    Case("costs", "state_dict: size", _state_size),
    Case("costs", "open and first batch", _open),
    Case("costs", "open and first batch, new process", _open_new_process),
    Case("costs", "import headrace, new process", _import),
    Case("costs", "import of the four nouns, new process", _import_nouns),
    Case("costs", "import numpy, new process", _import_numpy),
    Case("costs", "headrace show of 1,000,000 records", _show),
    Case("costs", "start at 0", lambda bench: _start(bench, at=0.0)),
    Case("costs", "resume at 90 %", lambda bench: _start(bench, at=RESUME_AT)),
]
