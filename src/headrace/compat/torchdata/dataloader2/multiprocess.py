"""`MultiProcessingReadingService`: a graph whose functions run on worker processes."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import headrace as hr
from headrace.compat.torchdata.dataloader2.graph.utils import DataPipe
from headrace.compat.torchdata.dataloader2.in_process import InitFn, ResetFn, a_pipe
from headrace.compat.torchdata.dataloader2.interface import ReadingServiceInterface, Reset
from headrace.compat.torchdata.dataloader2.random import SeedGenerator
from headrace.compat.torchdata.dataloader2.sharing import Setting
from headrace.compat.torchdata.dataloader2.utils import WorkerInfo
from headrace.compat.torchdata.datapipes.drawing import fresh_seed
from headrace.contracts.errors import ArgumentError, StreamError, whole

# Any, in this file: torch and numpy are found, not imported.
# Workers are forked from a server that has no threads; "fork" would be from this process.
START_METHODS: dict[str | None, Literal["forkserver", "spawn"]] = {
    None: "forkserver",
    "fork": "forkserver",
    "forkserver": "forkserver",
    "spawn": "spawn",
}
REMEDY = (
    "Change the graph before it is given to DataLoader2, dp.map(fn), or make in the functions "
    "what differs from worker to worker: headrace.per_worker(factory)."
)


class MultiProcessingReadingService(ReadingServiceInterface):
    """Runs a graph on worker processes: `headrace.DataLoader(..., backend=Processes(n))`.

    Workers are handed positions and run the functions; the records and their order are the same
    for every number of them. What `sharding_filter` or `sharding_round_robin_dispatch` stands
    behind, and does not give one record for each position, runs once, with its functions on the
    workers too. A worker that dies is replaced.

    `worker_init_fn(dp, worker_info)` is called in each new worker, and
    `worker_reset_fn(dp, worker_info, seed_generator)` before its first task of an epoch, with a
    copy of the graph; both for what they do there, and return it. The seeds of `random`, NumPy
    and torch differ from worker to worker and from epoch to epoch. How far workers are ahead is
    theirs to say: both prefetch counts are accepted and not needed.

    Raises:
        ArgumentError: a number is negative, or the context is no start method.
        StreamError: a function returned another graph; raised by the first record.
    """

    def __init__(
        self,
        num_workers: int = 0,
        multiprocessing_context: str | None = None,
        worker_prefetch_cnt: int = 10,
        main_prefetch_cnt: int = 10,
        worker_init_fn: InitFn | None = None,
        worker_reset_fn: ResetFn | None = None,
    ) -> None:
        counts = {
            "num_workers": num_workers,
            "worker_prefetch_cnt": worker_prefetch_cnt,
            "main_prefetch_cnt": main_prefetch_cnt,
        }
        for name, count in counts.items():
            whole(name, count, least=0, remedy="0 is none.")
        if multiprocessing_context not in START_METHODS:
            raise ArgumentError(
                f"multiprocessing_context must be 'fork', 'forkserver' or 'spawn', got "
                f"{multiprocessing_context!r}. Leave it out for the faster one of this system."
            )
        if num_workers == 0:
            warnings.warn("Please use `InProcessReadingService` for num_workers=0", stacklevel=2)
        self.num_workers = num_workers
        self.multiprocessing_context = multiprocessing_context
        self.worker_prefetch_cnt = worker_prefetch_cnt
        self.main_prefetch_cnt = main_prefetch_cnt
        self.worker_init_fn = worker_init_fn
        self.worker_reset_fn = worker_reset_fn

    def initialize(self, datapipe: DataPipe) -> DataPipe:
        """The graph, with the workers that it is to run on."""
        if not self.num_workers:
            info = WorkerInfo(1, 0)
            init = self.worker_init_fn
            return datapipe if init is None else a_pipe(init(datapipe, info), "worker_init_fn")
        begin = None
        if self.worker_init_fn is not None:
            begin = Beginning(self.worker_init_fn, datapipe, self.num_workers)
        copy = None if self.worker_reset_fn is None else datapipe
        backend = hr.Processes(
            self.num_workers,
            start_method=START_METHODS[self.multiprocessing_context],
            worker_init_fn=begin,
            worker_reset_fn=Epoch(self.worker_reset_fn, copy, self.num_workers, fresh_seed()),
        )
        return Setting(datapipe, backend=backend)

    def initialize_iteration(
        self, seed_generator: SeedGenerator, iter_reset_fn: Reset | None = None
    ) -> Reset | None:
        """What the services before ask for; with no workers, `worker_reset_fn` too."""
        if self.num_workers or self.worker_reset_fn is None:
            return iter_reset_fn
        reset_fn: ResetFn = self.worker_reset_fn

        def reset(datapipe: DataPipe) -> DataPipe:
            if iter_reset_fn is not None:
                datapipe = iter_reset_fn(datapipe)
            info = WorkerInfo(1, 0)
            return a_pipe(reset_fn(datapipe, info, seed_generator.spawn(0)), "worker_reset_fn")

        return reset


class PrototypeMultiProcessingReadingService:
    """The former name of `MultiProcessingReadingService`, which it makes."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """A MultiProcessingReadingService; warns."""
        warnings.warn(
            "`PrototypeMultiProcessingReadingService` is deprecated and will be removed. Please "
            "use `MultiProcessingReadingService`.",
            stacklevel=2,
        )
        return MultiProcessingReadingService(*args, **kwargs)


@dataclass(frozen=True)
class Beginning:
    """What a new worker does."""

    init_fn: InitFn
    datapipe: DataPipe
    num_workers: int

    def __call__(self, worker_id: int) -> None:
        """Calls the user's function in a worker."""
        info = WorkerInfo(self.num_workers, worker_id)
        _same(self.init_fn(self.datapipe, info), self.datapipe, "worker_init_fn")


@dataclass
class Epoch:
    """What a worker does before its first task of an epoch."""

    reset_fn: ResetFn | None
    datapipe: DataPipe
    num_workers: int
    seed: int
    _calls: int = field(default=0, init=False)

    def __call__(self, worker_id: int, epoch: int) -> None:
        """Seeds a worker, and calls the user's function there."""
        seeds = SeedGenerator(self.seed).spawn(self._calls).spawn(worker_id)
        self._calls += 1
        _seed_globally(seeds.generate_seed)
        if self.reset_fn is not None:
            info = WorkerInfo(self.num_workers, worker_id)
            _same(self.reset_fn(self.datapipe, info, seeds), self.datapipe, "worker_reset_fn")


def _same(found: object, given: DataPipe, name: str) -> None:
    if found is not given:
        raise StreamError(
            f"{name} gave {found!r} in a worker, which was told the graph {given!r}. That very "
            f"graph was expected, since workers run functions and not the graph. {REMEDY}"
        )


def _seed_globally(seed: Callable[[], int]) -> None:
    random.seed(seed())
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        numpy.random.seed(seed() >> 32)
    if torch is not None:
        torch.manual_seed(seed() >> 1)
