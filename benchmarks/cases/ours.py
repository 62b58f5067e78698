"""headrace reading W1-W5: shuffled epochs on one thread and on two."""

# Any, in this file: records are dicts of values of every type.
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import headrace as hr
from benchmarks.case import Bench, Case
from benchmarks.chain import keep, rate, triple
from benchmarks.measure import Figures, read_rate, warm
from benchmarks.sizes import RANGE_BATCH
from benchmarks.stored import stored
from benchmarks.workloads import Workload

SEED = 1
# From a dataset to what one epoch is drawn from.
Chain = Callable[[Any, int], Any]


def _batches(ref: Any, size: int) -> Any:
    return ref.shuffle(SEED).stream().batch(size)


def _views(ref: Any, size: int) -> Any:
    return ref.views().shuffle(SEED).stream().batch(size)


def _rows(ref: Any, size: int) -> Any:
    return ref.shuffle(SEED).stream()


@contextmanager
def _epochs(stream: Any, threads: int) -> Iterator[Callable[[], Any]]:
    """What begins the next epoch, by a loader."""
    backend = hr.Threads(threads) if threads > 1 else hr.Inline()
    with hr.DataLoader(stream, backend=backend) as loader:
        yield lambda: loader


def _read(bench: Bench, work: str, chain: Chain, threads: int) -> Figures:
    source = bench.workload(work)
    ref = stored(bench, work)
    warm(bench.scratch / "stored" / work)
    by_record = chain is _rows
    with _epochs(chain(ref, source.shape.batch_size), threads) as epoch:
        return read_rate(
            epoch,
            records=len(source),
            per_batch=1 if by_record else source.shape.batch_size,
            check=_check(source, by_record=by_record),
            effort=bench.effort,
        )


def _check(source: Workload, *, by_record: bool) -> Callable[[Any], None]:
    return source.check_record if by_record else source.check


def _range_chain(bench: Bench) -> Figures:
    def epoch(records: int) -> Any:
        stream = hr.stream(range(records)).map(triple).filter(keep)
        return hr.DataLoader(stream.batch(RANGE_BATCH, collate="list"))

    return rate(bench, epoch)


def _case(work: str, name: str, chain: Chain, threads: int = 1) -> Case:
    return Case(work, name, lambda bench: _read(bench, work, chain, threads))


CASES = [
    _case("W1", "headrace", _batches),
    _case("W1", "headrace, 2 threads", _batches, 2),
    _case("W2", "headrace, bytes", _batches),
    _case("W2", "headrace, views", _views),
    _case("W3", "headrace", _batches),
    _case("W3", "headrace, 2 threads", _batches, 2),
    _case("W4", "headrace", _batches),
    _case("W4", "headrace, rows", _rows),
    Case("W5", "headrace", _range_chain),
]
