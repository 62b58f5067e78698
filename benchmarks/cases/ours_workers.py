"""headrace reading W1 and W3 in 2 processes, and the limit of batches that are kept."""

# Any, in this file: batches are dicts of arrays.
from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

import headrace as hr
from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, read_rate, warm
from benchmarks.reading import WORKERS
from benchmarks.stored import stored

SEED = 1
# So many batches are alive, as in a consumer that hands them on: memory is not reused at once.
KEPT = 8


def _read(bench: Bench, work: str, *, kept: int) -> Figures:
    source = bench.workload(work)
    size = source.shape.batch_size
    stream = stored(bench, work).shuffle(SEED).stream().batch(size)
    warm(bench.scratch / "stored" / work)
    with hr.DataLoader(stream, backend=hr.Processes(WORKERS)) as loader:
        return read_rate(
            lambda: _keeping(loader, kept) if kept else loader,
            records=len(source),
            per_batch=size,
            check=source.check,
            effort=bench.effort,
        )


def _take_kept(bench: Bench, work: str) -> Figures:
    """`numpy.take` of the large column in one thread, with indices made before; 8 are kept."""
    source = bench.workload(work)
    size = source.shape.batch_size
    name, column = next(iter(source.fields.items()))
    assert isinstance(column, np.ndarray)
    warm(bench.data_folder / f"{source.name}-{len(source)}")
    ids = np.random.default_rng(SEED).permutation(len(source))

    def epoch() -> Iterator[Any]:
        parts = (ids[start : start + size] for start in range(0, len(ids), size))
        return _keeping((np.take(column, part, axis=0) for part in parts), KEPT)

    def check(batch: Any) -> None:
        if not np.array_equal(batch, column[ids[:size]]):
            raise ValueError(f"the values of {name} differ from the source rows")

    return read_rate(epoch, records=len(source), per_batch=size, check=check, effort=bench.effort)


def _keeping(batches: Iterable[Any], count: int) -> Iterator[Any]:
    kept: deque[Any] = deque(maxlen=count)
    for batch in batches:
        kept.append(batch)
        yield batch


def _cases(work: str) -> list[Case]:
    name = f"workers {work}"
    return [
        Case(name, "headrace", lambda bench: _read(bench, work, kept=0)),
        Case(name, "headrace, batches kept", lambda bench: _read(bench, work, kept=KEPT)),
        Case(name, "limit: numpy.take, kept", lambda bench: _take_kept(bench, work)),
    ]


CASES = [case for work in ("W1", "W3") for case in _cases(work)]
