"""torchdata's DataLoader2 and DataPipes: the example of its tutorial."""

from __future__ import annotations

from torchdata.dataloader2 import DataLoader2, MultiProcessingReadingService
from torchdata.datapipes.iter import IterableWrapper

from benchmarks.csv_rows import cases

CASES = cases(
    "DataPipes",
    IterableWrapper,
    lambda graph, workers: DataLoader2(
        graph, reading_service=MultiProcessingReadingService(workers)
    ),
)
