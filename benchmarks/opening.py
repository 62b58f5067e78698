"""From a path to the first shuffled batch; as a program, in a process that did nothing else."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import expect
from benchmarks.stored import VERSION, WIDE

# By name: `import headrace` alone would leave their modules to be imported when they are used.
from headrace import DataLoader, Storage

BATCH = 64


def first_batch(folder: Path, seed: int) -> None:
    """Opens the dataset of many records and draws one shuffled batch."""
    stream = Storage(folder).fetch(WIDE, VERSION).shuffle(seed).stream()
    with DataLoader(stream.batch(BATCH)) as loader:
        batch: Any = next(iter(loader))  # Any: the tree of a record, arrays in it
    expect(batch["x"].shape == (BATCH, 16), "the first batch has another shape")


def main() -> None:
    """Prints the milliseconds of one opening (argument: folder)."""
    started = time.perf_counter()
    first_batch(Path(sys.argv[1]), seed=1)
    print(json.dumps({"ms": (time.perf_counter() - started) * 1e3}))


if __name__ == "__main__":
    main()
