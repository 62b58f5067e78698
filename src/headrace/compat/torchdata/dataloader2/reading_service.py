"""The reading services, under the name of the original's module."""

from __future__ import annotations

from headrace.compat.torchdata.dataloader2.distributed import DistributedReadingService
from headrace.compat.torchdata.dataloader2.in_process import InProcessReadingService
from headrace.compat.torchdata.dataloader2.interface import (
    CheckpointableReadingServiceInterface,
    ReadingServiceInterface,
)
from headrace.compat.torchdata.dataloader2.multiprocess import (
    MultiProcessingReadingService,
    PrototypeMultiProcessingReadingService,
)
from headrace.compat.torchdata.dataloader2.sequential import SequentialReadingService

__all__ = [
    "CheckpointableReadingServiceInterface",
    "DistributedReadingService",
    "InProcessReadingService",
    "MultiProcessingReadingService",
    "PrototypeMultiProcessingReadingService",
    "ReadingServiceInterface",
    "SequentialReadingService",
]
