"""W5 as plain Python: generators, and the built-in map and filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from benchmarks.case import Bench, Case
from benchmarks.chain import keep, rate, triple
from benchmarks.measure import Figures
from benchmarks.sizes import RANGE_BATCH


def _batches(numbers: Iterator[int]) -> Iterator[list[int]]:
    while batch := list(islice(numbers, RANGE_BATCH)):
        yield batch


def _expressions(records: int) -> Iterator[list[int]]:
    mapped = (triple(number) for number in range(records))
    return _batches(number for number in mapped if keep(number))


def _builtins(records: int) -> Iterator[list[int]]:
    return _batches(filter(keep, map(triple, range(records))))


def _fused(records: int) -> Iterator[list[int]]:
    return _batches(number * 3 for number in range(records) if number * 3 % 2 == 0)


def _case(name: str, chain: Callable[[int], Iterator[list[int]]]) -> Case:
    def run(bench: Bench) -> Figures:
        return rate(bench, chain)

    return Case("W5", name, run)


CASES = [
    _case("generators", _expressions),
    _case("map and filter built-ins", _builtins),
    _case("fused expression, no calls", _fused),
]
