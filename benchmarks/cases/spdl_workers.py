"""SPDL: W1 and W3 from other processes, W2d on threads as its guide advises."""

# Any, in this file: batches are dicts of arrays.
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from spdl.dataloader import get_pytorch_dataloader
from spdl.pipeline import PipelineBuilder, SharedMemorySegmentPool, run_pipeline_in_subprocess

from benchmarks.case import Bench, Case
from benchmarks.decoding import BATCH, decode_cases, decoded
from benchmarks.measure import Figures, read_rate, warm
from benchmarks.reading import WORKERS, Record, Records, collated

BUFFER = 3
# One segment a batch: those in its queues, and those that the consumer has.
SEGMENTS = 16
SEGMENT_BYTES = 1 << 23
# That of its shared memory, which is made before the process is.
CONTEXT = "fork"


class Orders:
    """The rows of each batch, in a new permutation each epoch."""

    def __init__(self, length: int, size: int) -> None:
        self.length = length
        self.size = size
        self.rng = np.random.default_rng(1)

    def __iter__(self) -> Iterator[list[int]]:
        ids = self.rng.permutation(self.length).tolist()
        return (ids[start : start + self.size] for start in range(0, self.length, self.size))

    def __len__(self) -> int:
        return -(-self.length // self.size)


class Reader:
    """Reads one batch."""

    def __init__(self, records: Records) -> None:
        self.records = records

    def __call__(self, ids: list[int]) -> Record:
        return collated([self.records[index] for index in ids])


def _pipeline(records: Records, size: int) -> PipelineBuilder[Any, Any]:
    chain: PipelineBuilder[Any, Any] = PipelineBuilder()
    chain.add_source(Orders(len(records), size))
    return chain.pipe(Reader(records), concurrency=WORKERS).add_sink(BUFFER)


@contextmanager
def _threads(records: Records, size: int) -> Iterator[Callable[[], Any]]:
    def epoch() -> Iterator[Any]:
        pipeline = _pipeline(records, size).build(num_threads=WORKERS)
        with pipeline.auto_stop():
            yield from pipeline

    yield epoch


@contextmanager
def _threads_in_a_process(records: Records, size: int) -> Iterator[Callable[[], Any]]:
    batches = run_pipeline_in_subprocess(
        _pipeline(records, size).get_config(),
        num_threads=WORKERS,
        mp_context=CONTEXT,
        arena=SharedMemorySegmentPool(SEGMENT_BYTES, SEGMENTS),
    )
    yield lambda: batches


@contextmanager
def _processes(records: Records, size: int) -> Iterator[Callable[[], Any]]:
    loader: Any = get_pytorch_dataloader(
        records,  # type: ignore[arg-type]
        batch_size=None,
        batch_sampler=Orders(len(records), size),  # type: ignore[arg-type]
        num_workers=WORKERS,
        collate_fn=collated,
        multiprocessing_context=CONTEXT,
    )
    yield lambda: loader


def _read(bench: Bench, work: str, epochs: Any) -> Figures:
    source = bench.workload(work)
    size = source.shape.batch_size
    warm(bench.data_folder / f"{source.name}-{len(source)}")
    with epochs(Records(bench, work), size) as epoch:
        return read_rate(
            epoch, records=len(source), per_batch=size, check=source.check, effort=bench.effort
        )


def _cases(name: str, epochs: Any) -> list[Case]:
    return [
        Case("workers W1", name, lambda bench: _read(bench, "W1", epochs)),
        Case("workers W3", name, lambda bench: _read(bench, "W3", epochs)),
    ]


CASES = [
    *_cases("SPDL, processes", _processes),
    *_cases("SPDL, threads in a process", _threads_in_a_process),
    *decode_cases("SPDL, threads", lambda bench: _threads(Records(bench, "W2", decoded), BATCH)),
]
