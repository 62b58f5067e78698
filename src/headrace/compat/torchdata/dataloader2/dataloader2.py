"""`DataLoader2`: a graph of pipes, run by a headrace DataLoader."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Generic, TypeAlias, TypeVar

from headrace.compat.torchdata.dataloader2.epochs import Epochs
from headrace.compat.torchdata.dataloader2.graph.utils import DataPipe, cloned
from headrace.compat.torchdata.dataloader2.in_process import a_pipe
from headrace.compat.torchdata.dataloader2.interface import ReadingServiceInterface
from headrace.compat.torchdata.dataloader2.iterator import DataLoader2Iterator
from headrace.compat.torchdata.dataloader2.random.seed_generator import checked
from headrace.compat.torchdata.dataloader2.state import Saved, SavedState
from headrace.compat.torchdata.datapipes.base import MapDataPipe
from headrace.compat.torchdata.datapipes.parents import is_pipe, upstream
from headrace.contracts.errors import ClosedError, StateError, StreamError

# Any, in this file: records of every type, and JSON.
T_co = TypeVar("T_co", covariant=True)
# Pipes of ours and of torch; map-style ones have no __iter__.
Pipe: TypeAlias = Iterable[T_co] | MapDataPipe[T_co]
AdapterFn = Callable[[DataPipe], DataPipe]


class DataLoader2(Generic[T_co]):
    """Runs a graph of pipes where a reading service says: `headrace.DataLoader(dp.stream())`.

    The graph is copied, not its records; adapters change the copy once. Each epoch has an order
    of its own, which depends on the seed and on how many epochs it has run with it, and is the
    same for every number of workers. `state_dict` holds the position as JSON. An error of a
    function ends the epoch and not the loader.

    Example:
        >>> from headrace.compat.torchdata.datapipes.iter import IterableWrapper
        >>> with DataLoader2(IterableWrapper(range(5)).shuffle().batch(2)) as loader:
        ...     loader.seed(0)
        ...     sorted(record for batch in loader for record in batch)
        [0, 1, 2, 3, 4]
    """

    def __init__(
        self,
        datapipe: Pipe[T_co] | None,
        datapipe_adapter_fn: Iterable[AdapterFn] | AdapterFn | None = None,
        reading_service: ReadingServiceInterface | None = None,
    ) -> None:
        self.valid_iterator_id: int | None = None
        self.datapipe_adapter_fns = _several(datapipe_adapter_fn)
        self.reading_service = copy.deepcopy(reading_service)
        graph = None if datapipe is None else adapted(datapipe, self.datapipe_adapter_fns)
        self._epochs = Epochs(graph, self.reading_service)
        # Whether the next `iter` begins an epoch, since a batch of this one was asked for.
        self._is_over = True
        self._is_terminated = False

    @property
    def datapipe(self) -> DataPipe:
        """The graph, as the adapters and services have left it."""
        return self._epochs.datapipe

    def __iter__(self) -> DataLoader2Iterator[T_co]:
        self._check()
        if self._is_over:
            self._epochs.begin()
            self._is_over = False
        self._invalidate()
        assert self.valid_iterator_id is not None
        return DataLoader2Iterator(self, self.valid_iterator_id)

    def __len__(self) -> int:
        """How many batches an epoch gives on this rank. Raises StreamError where nobody knows."""
        self._check()
        return len(self._epochs.running().loader)

    def seed(self, seed: int) -> None:
        """Sets the seed from the next epoch on; the same seed gives the same epochs again.

        An epoch that a loaded state is in the middle of goes to its end as it began.

        Raises:
            ArgumentError: it has more than 64 bits.
        """
        self._epochs.set_seed(checked(seed))
        self._is_over = True

    def shutdown(self) -> None:
        """Ends the workers, bounded in time, and the services; the state can still be saved."""
        if not self._is_terminated:
            self._is_terminated = True
            self._epochs.end()

    def __enter__(self) -> DataLoader2[T_co]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()

    def __del__(self) -> None:
        # Half made, it has nothing to end.
        with contextlib.suppress(Exception):
            self.shutdown()

    # -- the position ------------------------------------------------------------------------

    def state_dict(self) -> SavedState:
        """Where the loader stands, as JSON: exact after any batch, for any number of workers."""
        return self._epochs.state()

    @classmethod
    def from_state(
        cls,
        state: Any,
        reading_service: ReadingServiceInterface | None = None,
        datapipe: Pipe[T_co] | None = None,
    ) -> DataLoader2[T_co]:
        """A loader that goes on where a state says.

        A state out of this process has no graph: give it, as `datapipe`. The states of all ranks
        as a list go on on any number of ranks.

        Raises:
            StateError: there is no graph, or the state belongs to another.
        """
        loader = cls(datapipe, None, reading_service)
        loader.load_state_dict(state)
        return loader

    def load_state_dict(self, state_dict: Any) -> None:
        """Goes on where a state says, from the next `iter` on; any number of workers may.

        Raises:
            StateError: there is no graph, or, at the next `iter`, the state belongs to another.
        """
        saved = Saved.of(state_dict)
        if self._epochs.graph is None:
            first = state_dict[0] if isinstance(state_dict, Sequence) else state_dict
            graph = adapted(_graph_of(first), self.datapipe_adapter_fns)
            self._epochs = Epochs(graph, self.reading_service)
        self._epochs.load(saved)
        self._is_over = True
        self._invalidate()

    # -- what an iterator asks ---------------------------------------------------------------

    def running_pipes(self) -> list[Any]:
        """The pipes of the graph as it runs, the last one first."""
        return upstream(self._epochs.running().datapipe)

    def next_batch(self) -> Any:
        """The next batch of the epoch. Raises StopIteration after the last."""
        self._is_over = True
        return self._epochs.next_batch()

    def pause(self) -> None:
        """Lets the workers finish what they run and begin nothing new."""
        self._epochs.running().loader.pause()
        self._epochs.tell("_pause")

    def resume(self) -> None:
        """Lets the workers look ahead again."""
        self._epochs.running().loader.resume()
        self._epochs.tell("_resume")

    def limited(self, num_batches: int | None) -> None:
        """Tells services of one's own about a limit."""
        self._epochs.tell("_limit", num_batches)

    def _invalidate(self) -> None:
        self.valid_iterator_id = (self.valid_iterator_id or 0) + 1

    def _check(self) -> None:
        if self._is_terminated:
            raise ClosedError(
                "Cannot iterate over the DataLoader as it has already been shut down. Make a new "
                "one and load the state_dict of this one into it."
            )
        self._epochs.check()


def adapted(datapipe: DataPipe, adapters: Iterable[AdapterFn]) -> DataPipe:
    """A copy of a graph, changed by the adapters in order.

    Raises:
        StreamError: it is no pipe, or an adapter returned none.
    """
    if not is_pipe(datapipe):
        raise StreamError(
            f"DataLoader2 runs a graph of pipes, got {type(datapipe).__name__}. An IterDataPipe or "
            "a MapDataPipe was expected. Wrap records: IterableWrapper(records)."
        )
    graph = cloned(datapipe)
    for adapter in adapters:
        graph = a_pipe(adapter(graph), "an adapter")
    for number, one in enumerate(upstream(graph)):
        # Goes into its seed; what services put behind the graph must not change it.
        vars(one)["_number"] = number
        # The loader's seed counts.
        if getattr(one, "stands_for_stream", False):
            vars(one)["_seed"] = None
    return graph


def _several(fns: Iterable[AdapterFn] | AdapterFn | None) -> list[AdapterFn]:
    if fns is None:
        return []
    return list(fns) if isinstance(fns, Iterable) else [fns]


def _graph_of(state: object) -> DataPipe:
    graph = getattr(state, "datapipe", None)
    if graph is None:
        raise StateError(
            "a state that was saved outside of this process holds a position and no graph. The "
            "graph was expected. Give it: DataLoader2.from_state(state, reading_service, "
            "datapipe=dp), or DataLoader2(dp, ...).load_state_dict(state)."
        )
    return graph
