"""The peak of private memory while headrace writes records; run in a process of its own."""

# Any, in this file: records are dicts of values of every type.
from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.stored import VERSION, storage_at
from benchmarks.workloads import VOCABULARY

LOOK_EVERY_S = 0.002
TOKENS = 512


def private_bytes() -> int:
    """Memory that is this process's own: no mapped files, no page cache."""
    status = Path("/proc/self/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return int(fields["RssAnon"].split()[0]) * 1024


def _records(count: int) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(1)
    for label in range(count):
        yield {"tokens": rng.integers(0, VOCABULARY, TOKENS, dtype=np.int32), "label": label}


def main() -> None:
    """Submits records (arguments: folder, count) and prints the peak above the start."""
    before, peak = private_bytes(), 0
    is_done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not is_done.wait(LOOK_EVERY_S):
            peak = max(peak, private_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    storage_at(Path(sys.argv[1]), durable=False).submit(
        _records(int(sys.argv[2])), "memory", VERSION
    )
    is_done.set()
    watcher.join()
    print(json.dumps({"peak_bytes": max(0, max(peak, private_bytes()) - before)}))


if __name__ == "__main__":
    main()
