"""`InProcessReadingService`: a graph in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import headrace as hr
from headrace.compat.torchdata.dataloader2.graph.utils import DataPipe
from headrace.compat.torchdata.dataloader2.interface import ReadingServiceInterface, Reset
from headrace.compat.torchdata.dataloader2.random import SeedGenerator
from headrace.compat.torchdata.dataloader2.utils import WorkerInfo
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.parents import is_pipe
from headrace.contracts.errors import StreamError, whole

InitFn = Callable[[DataPipe, WorkerInfo], DataPipe]
ResetFn = Callable[[DataPipe, WorkerInfo, SeedGenerator], DataPipe]
ONLY = WorkerInfo(num_workers=1, worker_id=0)


class InProcessReadingService(ReadingServiceInterface):
    """Runs a graph in this process: `headrace.DataLoader(stream)`.

    `init_fn(dp, worker_info)` is called once and `reset_fn(dp, worker_info, seed_generator)`
    before each epoch; what they return is run. `prefetch_cnt` records are drawn ahead, in a
    thread.

    Raises:
        ArgumentError: `prefetch_cnt` is negative.
    """

    def __init__(
        self,
        prefetch_cnt: int = 0,
        init_fn: InitFn | None = None,
        reset_fn: ResetFn | None = None,
    ) -> None:
        self.prefetch_cnt = whole("prefetch_cnt", prefetch_cnt, least=0, remedy="0 is none.")
        self.init_fn = init_fn
        self.reset_fn = reset_fn

    def initialize(self, datapipe: DataPipe) -> DataPipe:
        """The graph as `init_fn` returns it, drawn from ahead."""
        if self.init_fn is not None:
            datapipe = a_pipe(self.init_fn(datapipe, ONLY), "init_fn")
        return Ahead(datapipe, self.prefetch_cnt) if self.prefetch_cnt else datapipe

    def initialize_iteration(
        self, seed_generator: SeedGenerator, iter_reset_fn: Reset | None = None
    ) -> Reset | None:
        """What is to be called for the epoch: `reset_fn`, where there is one."""
        reset_fn = self.reset_fn
        if reset_fn is None:
            return iter_reset_fn

        def reset(datapipe: DataPipe) -> DataPipe:
            if iter_reset_fn is not None:
                datapipe = iter_reset_fn(datapipe)
            return a_pipe(reset_fn(datapipe, ONLY, seed_generator.spawn(0)), "reset_fn")

        return reset


class Ahead(IterDataPipe[Any]):  # Any: records of every type
    """Records that are drawn ahead."""

    def __init__(self, source_datapipe: DataPipe, count: int) -> None:
        self.source_datapipe = source_datapipe
        self.count = count

    def stream(self) -> hr.Stream[Any]:  # Any: as above
        """`stream.prefetch`."""
        return stream_of(self.source_datapipe).prefetch(self.count)


def a_pipe(found: object, name: str) -> DataPipe:
    """What a function returned, where that is a pipe.

    Raises:
        StreamError: it is none.
    """
    if not is_pipe(found):
        raise StreamError(
            f"{name} gave {found!r}. The graph of pipes that it got, or another, was expected. "
            "Return the datapipe."
        )
    return found
