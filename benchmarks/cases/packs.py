"""Sequences packed into rows of 2,048 tokens: headrace's first fit and Grain's, in one process."""

# Any, in this file: rows are dicts of arrays of both packages.
from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeAlias

import grain
import numpy as np
from grain.experimental import FirstFitPackIterDataset

import headrace as hr
from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect
from benchmarks.sequences import ROW_TOKENS, SEQUENCES, Record, lognormal, standard_library

# How far both look: at so many sequences together, or at those that fill so many rows.
LOOK_AHEAD = 1_024
PASSES = 3

Pack: TypeAlias = Callable[[list[Record]], Iterable[Any]]


@dataclass(frozen=True)
class Packer:
    """A way to pack, and how its rows name the number of a token's sequence."""

    name: str
    pack: Pack
    segments: str


def _headrace(records: list[Record], window: int) -> Iterable[Any]:
    return hr.DataLoader(hr.stream(records).pack(ROW_TOKENS, window=window, field="tokens"))


def _grain(records: list[Record], rows: int) -> Iterable[Any]:
    # Its own threads fetch record by record, which costs more than it saves here.
    options = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)
    source = grain.MapDataset.source(records).to_iter_dataset(options)
    lengths = {"tokens": ROW_TOKENS}
    return FirstFitPackIterDataset(
        source, length_struct=lengths, num_packing_bins=rows, shuffle_bins=False
    )


def _rows_a_sequence(records: list[Record]) -> float:
    return sum(len(record["tokens"]) for record in records) / len(records) / ROW_TOKENS


def _packers() -> list[Packer]:
    """headrace is told how many sequences to look at, Grain how many rows to fill."""

    def headrace_rows(records: list[Record]) -> Iterable[Any]:
        return _headrace(records, round(LOOK_AHEAD / _rows_a_sequence(records)))

    def grain_sequences(records: list[Record]) -> Iterable[Any]:
        return _grain(records, math.ceil(LOOK_AHEAD * _rows_a_sequence(records)))

    ours, theirs, rows = "segment_ids", "tokens_segment_ids", f"{LOOK_AHEAD:,} rows"
    return [
        Packer("headrace", lambda records: _headrace(records, LOOK_AHEAD), ours),
        Packer("Grain", grain_sequences, theirs),
        Packer(f"headrace, {rows}", headrace_rows, ours),
        Packer(f"Grain, {rows}", lambda records: _grain(records, LOOK_AHEAD), theirs),
    ]


def _rate(bench: Bench, packer: Packer, make: Callable[[int], list[Record]]) -> Figures:
    """Tokens of the sequences a second, whole epochs."""
    records = make(bench.effort.records(SEQUENCES))
    tokens = _checked(packer, records)[0]
    times = []
    for _ in range(PASSES):
        started = time.perf_counter()
        deque(packer.pack(records), maxlen=0)
        times.append(time.perf_counter() - started)
    return {"value": tokens / median(times), "unit": "tokens/s", "elapsed_s": sum(times)}


def _padding(bench: Bench, packer: Packer, make: Callable[[int], list[Record]]) -> Figures:
    """The share of all rows' places that hold no token."""
    records = make(bench.effort.records(SEQUENCES))
    tokens, rows = _checked(packer, records)
    return {"value": 100 * (1 - tokens / (rows * ROW_TOKENS)), "unit": "%", "rows": rows}


def _checked(packer: Packer, records: list[Record]) -> tuple[int, int]:
    """The number of tokens and of rows; every sequence must be whole, and there once."""
    found: list[bytes] = []
    rows = 0
    for row in packer.pack(records):
        rows += 1
        expect(len(row["tokens"]) == ROW_TOKENS, f"a row has {len(row['tokens'])} tokens")
        segments = np.asarray(row[packer.segments])
        numbers = range(1, int(segments.max()) + 1)
        found += [row["tokens"][segments == number].tobytes() for number in numbers]
    wanted = sorted(record["tokens"].tobytes() for record in records)
    expect(sorted(found) == wanted, f"{len(found)} sequences differ from the {len(wanted)} given")
    return sum(len(record["tokens"]) for record in records), rows


def _cases(packer: Packer) -> list[Case]:
    def rows(kind: str, make: Callable[[int], list[Record]]) -> list[Case]:
        name = f"{packer.name}, {kind}"
        return [
            Case(f"pack {kind}", packer.name, lambda bench: _rate(bench, packer, make)),
            Case("pack padding", name, lambda bench: _padding(bench, packer, make)),
        ]

    return [*rows("lognormal", lognormal), *rows("text", standard_library)]


CASES = [case for packer in _packers() for case in _cases(packer)]
