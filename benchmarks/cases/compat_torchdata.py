"""headrace under torchdata's names: the example of its tutorial."""

from __future__ import annotations

from benchmarks.csv_rows import cases
from headrace.compat.torchdata.dataloader2 import DataLoader2, MultiProcessingReadingService
from headrace.compat.torchdata.datapipes.iter import IterableWrapper

CASES = cases(
    "headrace",
    IterableWrapper,
    lambda graph, workers: DataLoader2(
        graph, reading_service=MultiProcessingReadingService(workers)
    ),
)
