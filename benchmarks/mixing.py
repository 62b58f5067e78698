"""What a mix of stored datasets holds and starts; run in a process of its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import headrace as hr
from benchmarks.measure import expect
from benchmarks.peak_memory import private_bytes
from benchmarks.stored import VERSION, storage_at

RECORDS_A_REF = 64
SEED = 1
# Datasets of its own, so that none is there when the others are opened.
FIRST = ("first-0", "first-1")


def submit_refs(folder: Path, count: int) -> None:
    """Stores so many small datasets, where they are not there yet."""
    storage = storage_at(folder, durable=False)
    names = [*FIRST, *_names(count)]
    stored = set(storage.datasets())
    for place, name in enumerate(names):
        if name not in stored:
            numbers = np.arange(RECORDS_A_REF) + place * RECORDS_A_REF
            storage.submit({"number": numbers}, name, VERSION)


def _names(count: int) -> list[str]:
    return [f"part-{number}" for number in range(count)]


def _read(folder: Path, names: Sequence[str]) -> hr.Stream[object]:
    """A mix of datasets that has been read to its end, with all that this opened."""
    storage = hr.Storage(folder)
    refs = [storage.fetch(name, VERSION) for name in names]
    mixed = hr.mix(refs, [1 + place % 7 for place in range(len(refs))], seed=SEED, stop="all")
    stream: hr.Stream[object] = mixed.stream()
    count = sum(1 for _record in stream)
    expect(count == len(names) * RECORDS_A_REF, f"the mix has {count} records")
    return stream


def _threads() -> int:
    """Of Python and of native libraries."""
    return len(os.listdir("/proc/self/task"))


def main() -> None:
    """Mixes so many datasets (arguments: folder, count) and prints bytes a ref, and threads."""
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    # What the first mix of a process imports and begins is not counted for any ref.
    kept = [_read(folder, FIRST)]
    bytes_before, threads_before = private_bytes(), _threads()
    kept.append(_read(folder, _names(count)))
    held = (private_bytes() - bytes_before) / count
    print(json.dumps({"bytes_a_ref": held, "threads": _threads() - threads_before}))


if __name__ == "__main__":
    main()
