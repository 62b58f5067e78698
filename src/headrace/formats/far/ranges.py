"""Many small ranges of one file, by few requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from headrace.contracts.blobs import Blobs, Mapped
from headrace.formats.shards.gather import Numbers

# Bytes between two ranges are read over up to here: another request takes longer.
MOST_GAP_BYTES = 2**20
S = TypeVar("S")
T = TypeVar("T")
# What is asked for side by side, as each waits for the network.
AT_ONCE = 16


class Stretches(NamedTuple):
    """Ranges of a file: where each begins, and its length."""

    begins: Numbers
    lengths: Numbers


def fetched(
    blobs: Blobs, key: str, wanted: Sequence[Stretches], *, spare_bytes: int
) -> list[Mapped]:
    """The bytes of each of `wanted`, one stretch after the other.

    Stretches less than 1 MiB apart are one request, the nearest first, as long as what lies
    between them is in all no more than `spare_bytes`.
    """
    begins = np.concatenate([np.empty(0, np.int64), *(one.begins for one in wanted)])
    lengths = np.concatenate([np.empty(0, np.int64), *(one.lengths for one in wanted)])
    if not lengths.any():
        return [np.empty(0, np.uint8) for _ in wanted]
    starts, ends = joined(begins[lengths > 0], lengths[lengths > 0], spare_bytes)
    pieces = _asked_for(blobs, key, starts, ends)
    owners = np.maximum(starts.searchsorted(begins, side="right") - 1, 0)
    offsets = begins - starts[owners]
    places = zip(owners.tolist(), offsets.tolist(), (offsets + lengths).tolist(), strict=True)
    singles = [pieces[owner][start:stop] for owner, start, stop in places]
    stops = np.cumsum([len(one.begins) for one in wanted]).tolist()
    nothing = np.empty(0, np.uint8)
    return [
        np.concatenate([nothing, *singles[start:stop]])
        for start, stop in zip([0, *stops], stops, strict=False)
    ]


def joined(begins: Numbers, lengths: Numbers, spare_bytes: int) -> tuple[Numbers, Numbers]:
    """Where the requests for some stretches begin and end."""
    order = begins.argsort(kind="stable")
    starts = begins[order]
    ends = np.maximum.accumulate((begins + lengths)[order])
    gaps = np.maximum(starts[1:] - ends[:-1], 0)
    by_size = gaps.argsort(kind="stable")
    is_read_over = np.zeros(len(gaps), np.bool_)
    is_read_over[by_size] = np.cumsum(gaps[by_size]) <= spare_bytes
    cuts = np.flatnonzero(~is_read_over | (gaps > MOST_GAP_BYTES))
    return starts[np.concatenate(([0], cuts + 1))], ends[np.concatenate((cuts, [len(ends) - 1]))]


def _asked_for(blobs: Blobs, key: str, starts: Numbers, ends: Numbers) -> list[Mapped]:
    """The ranges, none of them near another of the same call: blobs would join these."""
    calls: list[list[int]] = []
    for at in range(len(starts)):
        free = (own for own in calls if starts[at] - ends[own[-1]] > MOST_GAP_BYTES)
        own = next(free, None)
        if own is None:
            calls.append([at])
        else:
            own.append(at)

    def ask(own: list[int]) -> list[Mapped]:
        return blobs.ranges(key, starts[own].tolist(), ends[own].tolist())

    found = zip(calls, at_once(ask, calls), strict=True)
    pieces = {at: one for own, some in found for at, one in zip(own, some, strict=True)}
    return [pieces[at] for at in range(len(starts))]


def at_once(ask: Callable[[S], T], wanted: Sequence[S]) -> list[T]:
    """What `ask` gives for each that is wanted, asked side by side."""
    if len(wanted) < 2:
        return [ask(one) for one in wanted]
    with ThreadPoolExecutor(min(AT_ONCE, len(wanted)), "headrace-far") as pool:
        return list(pool.map(ask, wanted))
