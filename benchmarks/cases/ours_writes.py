"""headrace writing W1 and W4: speed with and without fsync, and memory."""

# Any, in this file: data sets are iterators of dicts or dicts of arrays.
from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect, settle
from benchmarks.stored import VERSION, storage_at
from benchmarks.workloads import Workload

# What is submitted of a workload.
Draw = Callable[[Workload], Any]
# The memory of a write is compared between a part of W1 and the whole.
PART = 4


def _write(bench: Bench, work: str, draw: Draw, *, durable: bool) -> Figures:
    source = bench.workload(work)
    folder = bench.scratch / "write"
    shutil.rmtree(folder, ignore_errors=True)
    drawn = draw(source)
    settle()
    started = time.perf_counter()
    ref = storage_at(folder, durable=durable).submit(drawn, work, VERSION)
    elapsed = time.perf_counter() - started
    expect(len(ref) == len(source), f"{len(ref)} records were stored, expected {len(source)}")
    source.check_record(_plain(ref[len(source) - 1]))
    shutil.rmtree(folder)
    return {"value": len(source) / elapsed, "unit": "records/s", "elapsed_s": elapsed}


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """A record with Python numbers: from arrays they come back as NumPy scalars."""
    return {
        name: value.item() if getattr(value, "shape", None) == () else value
        for name, value in record.items()
    }


def _draw_only(bench: Bench, work: str) -> Figures:
    """What the iterator alone costs: no writer can be faster."""
    source = bench.workload(work)
    records = source.made()
    started = time.perf_counter()
    deque(records, maxlen=0)
    elapsed = time.perf_counter() - started
    return {"value": len(source) / elapsed, "unit": "records/s", "elapsed_s": elapsed}


def _memory(bench: Bench) -> Figures:
    """How much more memory writing all of W1 needs than writing a part of it."""
    whole = len(bench.workload("W1"))
    part_bytes, whole_bytes = (_peak_bytes(bench, count) for count in (whole // PART, whole))
    return {
        "value": (whole_bytes - part_bytes) / 2**20,
        "unit": "MiB",
        "part_MiB": part_bytes / 2**20,
        "whole_MiB": whole_bytes / 2**20,
    }


def _peak_bytes(bench: Bench, records: int) -> int:
    folder = bench.scratch / "memory"
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "benchmarks.peak_memory", str(folder), str(records)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    shutil.rmtree(folder)
    return int(json.loads(done.stdout)["peak_bytes"])


def _case(work: str, name: str, draw: Draw, *, durable: bool) -> Case:
    return Case(f"write {work}", name, lambda bench: _write(bench, work, draw, durable=durable))


def _alone(work: str) -> Case:
    name = "limit: the iterator alone"
    return Case(f"write {work}", name, lambda bench: _draw_only(bench, work))


CASES = [
    *[
        _case(work, f"headrace, {word}", Workload.made, durable=word == "fsync")
        for work in ("W1", "W4")
        for word in ("fsync", "no fsync")
    ],
    *[
        _case("W1", f"headrace, arrays, {word}", Workload.arrays, durable=word == "fsync")
        for word in ("fsync", "no fsync")
    ],
    _alone("W1"),
    _alone("W4"),
    Case("costs", "memory of submit, all against a part", _memory),
]
