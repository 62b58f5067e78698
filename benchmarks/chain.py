"""W5: the functions of the chain, and how its rate is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from benchmarks.case import Bench
from benchmarks.measure import Figures, expect, read_rate
from benchmarks.sizes import RANGE_BATCH, RANGE_RECORDS

# The filter keeps every second number, so a batch stands for twice its size.
SOURCE_RECORDS_A_BATCH = 2 * RANGE_BATCH


def triple(number: int) -> int:
    """The map of the chain."""
    return number * 3


def keep(number: int) -> bool:
    """The filter of the chain: even numbers."""
    return number % 2 == 0


def rate(bench: Bench, chain: Callable[[int], Iterable[list[int]]]) -> Figures:
    """Numbers of the range a second, through map, filter and batch."""
    records = bench.effort.records(RANGE_RECORDS)
    return read_rate(
        lambda: chain(records),
        records=records,
        per_batch=SOURCE_RECORDS_A_BATCH,
        check=_check,
        effort=bench.effort,
    )


def _check(batch: list[int]) -> None:
    wanted = [triple(number) for number in range(SOURCE_RECORDS_A_BATCH) if keep(triple(number))]
    expect(list(batch) == wanted, f"the first batch is {batch[:4]}..., expected {wanted[:4]}...")
