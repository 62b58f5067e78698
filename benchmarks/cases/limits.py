"""What plain NumPy gives, written by hand over mapped files: the limit, and the whole job."""

# Any, in this file: fields hold arrays of every dtype.
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, read_rate, warm
from benchmarks.workloads import Packed, Workload

SEED = 1


def _gather_reused(bench: Bench, work: str) -> Figures:
    """`numpy.take` of the large column into one reused buffer, with indices made before."""
    source = bench.workload(work)
    size = source.shape.batch_size
    name, column = next(iter(source.fields.items()))
    assert isinstance(column, np.ndarray)
    ids = np.random.default_rng(SEED).permutation(len(source))
    buffer = np.empty((size, *column.shape[1:]), column.dtype)

    def epoch() -> Iterator[Any]:
        for start in range(0, len(ids), size):
            part = ids[start : start + size]
            yield np.take(column, part, axis=0, out=buffer[: len(part)], mode="clip")

    def check(batch: Any) -> None:
        if not np.array_equal(batch, column[ids[:size]]):
            raise ValueError(f"the values of {name} differ from the source rows")

    return _rate(bench, source, epoch, check)


def _gather_fresh(bench: Bench, work: str) -> Figures:
    """Every column into fresh arrays, in a new permutation each epoch, in a dict."""
    source = bench.workload(work)
    rng = np.random.default_rng(SEED)
    takers = {name: _taker(field) for name, field in source.fields.items()}

    def epoch() -> Iterator[dict[str, Any]]:
        ids = rng.permutation(len(source))
        for start in range(0, len(ids), source.shape.batch_size):
            part = ids[start : start + source.shape.batch_size]
            yield {name: take(part) for name, take in takers.items()}

    return _rate(bench, source, epoch, source.check)


def _views(bench: Bench, work: str) -> Figures:
    """Slices of a mapped buffer without a copy."""
    source = bench.workload(work)
    packed = source.fields["jpeg"]
    assert isinstance(packed, Packed)
    view, bounds = packed.view, packed.offsets.tolist()
    labels = source.fields["label"]
    rng = np.random.default_rng(SEED)

    def epoch() -> Iterator[dict[str, Any]]:
        ids = rng.permutation(len(source))
        for start in range(0, len(ids), source.shape.batch_size):
            part = ids[start : start + source.shape.batch_size]
            views = [view[bounds[i] : bounds[i + 1]] for i in part.tolist()]
            yield {"jpeg": views, "label": labels[part]}

    return _rate(bench, source, epoch, source.check)


def _taker(field: Any) -> Callable[[Any], Any]:
    if not isinstance(field, Packed):
        return lambda ids: np.take(field, ids, axis=0)
    view, bounds = field.view, field.offsets.tolist()
    if field.is_text:
        return lambda ids: [str(view[bounds[i] : bounds[i + 1]], "utf-8") for i in ids.tolist()]
    return lambda ids: [bytes(view[bounds[i] : bounds[i + 1]]) for i in ids.tolist()]


def _rate(
    bench: Bench, source: Workload, epoch: Callable[[], Iterator[Any]], check: Callable[[Any], None]
) -> Figures:
    warm(bench.data_folder / f"{source.name}-{len(source)}")
    return read_rate(
        epoch,
        records=len(source),
        per_batch=source.shape.batch_size,
        check=check,
        effort=bench.effort,
    )


def _numpy(work: str) -> Case:
    return Case(work, "NumPy by hand", lambda bench: _gather_fresh(bench, work))


def _limit(work: str) -> Case:
    return Case(work, "limit: numpy.take", lambda bench: _gather_reused(bench, work))


CASES = [
    _limit("W1"),
    _limit("W3"),
    *[_numpy(work) for work in ("W1", "W2", "W3", "W4")],
    Case("W2", "limit: views", lambda bench: _views(bench, "W2")),
]
