"""What a mix of many datasets costs: memory a dataset, time a position, threads."""

# Any, in this file: answers of another process are JSON.
from __future__ import annotations

import json
import subprocess
import sys
from itertools import count
from typing import Any

import numpy as np

import headrace as hr
from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect, seconds
from benchmarks.mixing import submit_refs

# How the memory of each grows is seen between the two; of fewer, much goes into what a process
# has taken before.
REFS, TWICE = 1_000, 2_000
RECORDS_A_REF = 10**6
POSITIONS = 65_536
SEED = 1
REPEATS = 15
KIB = 1024


def _mixed(bench: Bench, refs: int) -> dict[str, Any]:
    folder, refs = bench.scratch / "mix", bench.effort.records(refs)
    submit_refs(folder, refs)
    command = [sys.executable, "-m", "benchmarks.mixing", str(folder), str(refs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _memory(bench: Bench, refs: int) -> Figures:
    return {"value": _mixed(bench, refs)["bytes_a_ref"] / KIB, "unit": "KiB/ref"}


def _threads(bench: Bench) -> Figures:
    return {"value": float(_mixed(bench, REFS)["threads"]), "unit": "threads"}


def _position(bench: Bench) -> Figures:
    """Nanoseconds a position read in order, each time in another part of the mix."""
    refs = bench.effort.records(REFS)
    many = [hr.DataRef.from_sequence(range(RECORDS_A_REF)) for _ in range(refs)]
    order = hr.mix(many, [1 + place % 7 for place in range(refs)], seed=SEED, stop="all").order
    found = order.at(0, np.arange(POSITIONS))
    expect(len(np.unique(found)) == POSITIONS, "the mix repeats an index")
    starts = count(POSITIONS, POSITIONS)

    def draw() -> None:
        order.at(0, next(starts) + np.arange(POSITIONS))

    figures = seconds(draw, REPEATS)
    return {**figures, "value": figures["value"] / POSITIONS * 1e9, "unit": "ns/position"}


CASES = [
    Case("mix", "memory of 1,000 refs", lambda bench: _memory(bench, REFS)),
    Case("mix", "memory of 2,000 refs", lambda bench: _memory(bench, TWICE)),
    Case("mix", "threads of 1,000 refs", _threads),
    Case("mix", "order of 1,000 refs", _position),
]
