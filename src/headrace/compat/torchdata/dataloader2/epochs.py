"""The epochs of a graph under a reading service: where the next one begins, and with what seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headrace.compat.torchdata.dataloader2.error import GraphError
from headrace.compat.torchdata.dataloader2.graph.utils import DataPipe
from headrace.compat.torchdata.dataloader2.in_process import a_pipe
from headrace.compat.torchdata.dataloader2.interface import (
    CheckpointableReadingServiceInterface,
    ReadingServiceInterface,
)
from headrace.compat.torchdata.dataloader2.random import SeedGenerator
from headrace.compat.torchdata.dataloader2.running import Running
from headrace.compat.torchdata.dataloader2.sequential import is_ours
from headrace.compat.torchdata.dataloader2.state import Saved, SavedState
from headrace.compat.torchdata.datapipes.drawing import fresh_seed
from headrace.contracts.errors import StreamError

# Any, in this file: records of every type, and services of one's own with more hooks.


class Epochs:
    """A graph, what its service makes of it, and the loader that runs that.

    `graph` is the graph before the service; None until a state brings one.
    """

    def __init__(self, graph: DataPipe, service: ReadingServiceInterface | None) -> None:
        self.graph = self.datapipe = graph
        self._service = service
        self._is_initialized = False
        self._running: Running | None = None
        self._batches: Iterator[Any] | None = None
        # What was loaded, until the next epoch begins.
        self._saved: Saved | None = None
        self._first_seed = fresh_seed()
        # The seed that counts from the next epoch on.
        self._next_seed: int | None = None

    def begin(self) -> None:
        """Makes ready the next epoch, or what a state has left of one."""
        running, saved = self._running, self._saved
        epoch, seed = self._upcoming()
        self._initialize()
        seeds, reset = SeedGenerator(seed, epoch=epoch), None
        if self._service is not None:
            reset = self._service.initialize_iteration(seeds)
        if reset is not None:
            self.datapipe = reset(self.datapipe)
        if running is None or reset is not None or not is_ours(self._service):
            running = self._running = Running.of(self.datapipe, running)
        if saved is not None and saved.is_inside:
            saved.check(running.share)
            running.begin(saved.position)
            # The seed of the epoch that is resumed, said by the loop again, changes nothing.
            self._next_seed = None if self._next_seed == seed else self._next_seed
        else:
            running.begin(running.start_of(epoch, seeds.given))
            self._next_seed = None
        self._saved = None
        self._batches = iter(running.loader)

    def next_batch(self) -> Any:
        """The next batch of the epoch. Raises StopIteration after the last."""
        assert self._batches is not None
        try:
            return next(self._batches)
        except StopIteration:
            if self._service is not None:
                self._service.finalize_iteration()
            raise

    def set_seed(self, seed: int) -> None:
        """Sets the seed from the next epoch on."""
        self._next_seed = seed

    def check(self) -> None:
        """Refuses to run nothing.

        Raises:
            GraphError: there is no graph.
        """
        if self.graph is None:
            raise GraphError(
                "Please provide datapipe or use load_state_dict to load datapipe from state: "
                "this DataLoader2 was made with None. A graph of pipes was expected."
            )

    def running(self) -> Running:
        """The graph as it runs, also before an epoch."""
        self.check()
        if self._running is None:
            self._initialize()
            self._running = Running.of(self.datapipe, None)
        return self._running

    def tell(self, name: str, *args: Any) -> None:
        """Calls a hook that a service may have; what it returns changes the graph."""
        hook = getattr(self._service, name, None)
        change = None if hook is None else hook(*args)
        if change is not None:
            self.datapipe = change(self.datapipe)

    def state(self) -> SavedState:
        """Where it stands."""
        if self._saved is not None:
            return self._saved.state(self.graph)
        running, service, kept = self.running(), self._service, None
        if self._batches is None:
            position = running.start_of(*self._upcoming())
        else:
            position = running.loader.state_dict()
        if isinstance(service, CheckpointableReadingServiceInterface) and not is_ours(service):
            kept = service.checkpoint()
        return Saved(position, self._next_seed, kept, running.share).state(self.graph)

    def load(self, saved: Saved) -> None:
        """Goes on where a state says, from the next epoch on."""
        self._saved, self._next_seed = saved, saved.next_seed

    def end(self) -> None:
        """Ends the workers and the service."""
        if self._running is None:
            return
        self._running.loader.shutdown()
        self._running.lent.end()
        if self._service is not None:
            self._service.finalize_iteration()
            self._service.finalize()

    def _upcoming(self) -> tuple[int, int]:
        """The epoch that comes next, and its seed."""
        saved = self._saved
        if saved is not None and (saved.is_inside or self._next_seed is None):
            return saved.position["epoch"], saved.position["seed"]
        if self._next_seed is not None:
            return 0, self._next_seed
        if self._batches is None or self._running is None:
            return 0, self._first_seed
        _, state = self._running.loader.upcoming()
        return state["epoch"], state["seed"]

    def _initialize(self) -> None:
        service, kept = self._service, None if self._saved is None else self._saved.service
        if self._is_initialized or service is None:
            return
        if kept is None:
            name = f"{type(service).__name__}.initialize"
            self.datapipe = a_pipe(service.initialize(self.datapipe), name)
        elif isinstance(service, CheckpointableReadingServiceInterface):
            self.datapipe = service.restore(self.datapipe, kept)
        else:
            raise StreamError(
                "Cannot restore from non-checkpointable reading service: the state has one for "
                f"it, and {service!r} takes none. A CheckpointableReadingServiceInterface was "
                "expected. Load it with the service that saved it."
            )
        self._is_initialized = True
