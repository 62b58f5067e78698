"""The interface of reading services: who says where a graph of pipes runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from headrace.compat.torchdata.dataloader2.graph.utils import DataPipe
from headrace.compat.torchdata.dataloader2.random import SeedGenerator

# The last function of a chain of services that changes the graph for an epoch.
Reset = Callable[[DataPipe], DataPipe]


class ReadingServiceInterface(ABC):
    """What DataLoader2 asks about a graph: its hooks, in this order.

    `initialize` once; then, each epoch, `initialize_iteration` and `finalize_iteration`; at the
    end `finalize`. A service of one's own gets the graph of pipes and returns one: what it
    returns is run, inside of this process unless one of headrace's services says otherwise.
    """

    @abstractmethod
    def initialize(self, datapipe: DataPipe) -> DataPipe:
        """Called at the first epoch; returns the graph to run."""

    def finalize(self) -> None:  # noqa: B027 - a hook that may be left out
        """Called when the loader is shut down or dropped."""

    def initialize_iteration(  # noqa: B027 - as above
        self, seed_generator: SeedGenerator, iter_reset_fn: Reset | None = None
    ) -> Reset | None:
        """Called before each epoch; may return a function that changes the graph for it."""

    def finalize_iteration(self) -> None:  # noqa: B027 - as above
        """Called when an epoch has ended."""


class CheckpointableReadingServiceInterface(ReadingServiceInterface):
    """A service with a state of its own; the position is the loader's."""

    @abstractmethod
    def checkpoint(self) -> bytes:
        """Its state."""

    @abstractmethod
    def restore(self, datapipe: DataPipe, serialized_state: bytes) -> DataPipe:
        """Called in the place of `initialize`, with what `checkpoint` gave."""
