"""torchdata's DataLoader2 with the MultiProcessingReadingService and 2 workers."""

# Any, in this file: batches are dicts of tensors.
from __future__ import annotations

from typing import Any

import torch
from torchdata.dataloader2 import DataLoader2, MultiProcessingReadingService
from torchdata.datapipes.map import SequenceWrapper

from benchmarks.case import Bench, Case
from benchmarks.cases.torch_memmap import MappedDataset
from benchmarks.measure import Figures, read_rate, warm
from benchmarks.reading import WORKERS, as_arrays


def _read(bench: Bench, work: str) -> Figures:
    torch.set_num_threads(1)
    source = bench.workload(work)
    size = source.shape.batch_size
    warm(bench.data_folder / f"{source.name}-{len(source)}")
    records = MappedDataset(source)
    # Batches of rows are shared out, so that none is torn at a worker's end.
    chain: Any = SequenceWrapper(range(len(source))).shuffle()
    chain = chain.batch(size).sharding_filter().map(Rows(records)).collate()
    loader: Any = DataLoader2(chain, reading_service=MultiProcessingReadingService(WORKERS))
    try:
        return read_rate(
            lambda: loader,
            records=len(source),
            per_batch=size,
            check=lambda batch: source.check(as_arrays(batch)),
            effort=bench.effort,
        )
    finally:
        loader.shutdown()


class Rows:
    """The records of a batch."""

    def __init__(self, records: MappedDataset) -> None:
        self.records = records

    def __call__(self, ids: list[int]) -> list[dict[str, Any]]:
        return [self.records[index] for index in ids]


CASES = [
    Case("workers W1", "DataPipes", lambda bench: _read(bench, "W1")),
    Case("workers W3", "DataPipes", lambda bench: _read(bench, "W3")),
]
