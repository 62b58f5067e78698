"""From the construction of a loader with 2 processes to its first batch; as a program."""

# Any, in this file: loaders and batches of two packages.
from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.case import Bench, Case
from benchmarks.measure import Figures
from benchmarks.reading import WORKERS, Records
from benchmarks.sizes import Effort

BATCH = 64
REPEATS = 3
# The first loader of a process starts what later ones find there.
FIRST, LATER = "first of a process", "later ones"


def start_cases(name: str, program: str) -> list[Case]:
    """A peer's rows; `program` is the one below that starts its loader."""
    return [
        Case("first batch", f"{name}, {FIRST}", lambda bench: _started(bench, program, 0)),
        Case("first batch", f"{name}, {LATER}", lambda bench: _started(bench, program, 1)),
    ]


def _started(bench: Bench, program: str, number: int) -> Figures:
    given = json.dumps([str(bench.data_folder), str(bench.scratch), asdict(bench.effort)])
    command = [sys.executable, "-m", "benchmarks.starting", program, given]
    times = []
    for _ in range(REPEATS):
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        times.append(float(json.loads(done.stdout)[number]))
    return {"value": median(times), "unit": "ms", "least_ms": min(times)}


def _headrace(bench: Bench) -> tuple[float, Any]:
    # Here and below: each environment has one of the two.
    import headrace as hr
    from benchmarks.stored import stored

    stream = stored(bench, "W1").shuffle(1).stream().batch(BATCH)
    began = time.perf_counter()
    with hr.DataLoader(stream, backend=hr.Processes(WORKERS)) as loader:
        batch: Any = next(iter(loader))
        return time.perf_counter() - began, batch["label"]


def _torch(bench: Bench) -> tuple[float, Any]:
    from torch.utils.data import DataLoader

    records: Any = Records(bench, "W1")
    began = time.perf_counter()
    loader: Any = DataLoader(
        records, BATCH, shuffle=True, num_workers=WORKERS, multiprocessing_context="forkserver"
    )
    batch = next(iter(loader))
    return time.perf_counter() - began, batch["label"]


def main() -> None:
    """Prints the milliseconds of the first loader and of the second."""
    start = {"headrace": _headrace, "torch": _torch}[sys.argv[1]]
    data_folder, scratch, effort = json.loads(sys.argv[2])
    bench = Bench(Path(data_folder), Path(scratch), Effort(**effort))
    times = []
    for _ in range(2):
        elapsed, labels = start(bench)
        assert len(labels) == BATCH
        times.append(elapsed * 1e3)
    print(json.dumps(times))


if __name__ == "__main__":
    main()
