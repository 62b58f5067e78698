"""A stream as an IterableDataset of torch: its passes, its share for each worker, its state."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, SupportsIndex, TypeVar

from headrace.adapters.torch.passes import Begin, Passes, starter_of
from headrace.adapters.torch.shares import Share, cause, has_known_length, is_reached, settled
from headrace.contracts import State
from headrace.contracts.errors import ArgumentError, StreamError, whole
from headrace.dataref import DataRef
from headrace.engine import Resume
from headrace.extras import imported
from headrace.loader import DataLoader
from headrace.loader.world import World
from headrace.streams import Stream
from headrace.tensors import Framework, conversion

if TYPE_CHECKING:
    from torch.utils.data import IterableDataset as TorchDataset
else:
    # torch is optional: its class joins when the first dataset is made.
    TorchDataset = Generic

T = TypeVar("T")


class IterableDataset(TorchDataset[T]):
    """A torch IterableDataset of what a stream gives: the same with any number of workers.

    For `torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=...)`: batches are made
    by the stream's own `batch`, and come in the stream's order, once each, whether they are made
    in this process or on torch's workers, persistent or not. Each `for` over torch's loader is
    the next epoch, also after a `break`. Where a batch can be made by its position alone, a
    worker makes its own batches only; else each makes all, gives its share, and a warning says
    which step is the cause. `source` is a Stream, a DataRef, or a headrace DataLoader with its
    seed, tensors and position; its backend is used where torch has no workers.

    With torch's own `batch_size=k` over single records each record still comes once an epoch, and
    the same way each time, but each worker makes batches of its own records: they then depend on
    the number of workers.

    **State**: a position; `state_dict(delivered=n)`.

    Raises:
        ArgumentError: `source` is none of these, or a loader that copies to a device.
        MissingExtra: torch is not installed.

    Example:
        >>> import headrace as hr, torch
        >>> from headrace.adapters.torch import IterableDataset
        >>> dataset = IterableDataset(hr.stream(range(6)).batch(3))
        >>> list(torch.utils.data.DataLoader(dataset, batch_size=None))
        [tensor([0, 1, 2]), tensor([3, 4, 5])]
    """

    _loader: DataLoader[T]
    _passes: Passes
    _turn: int
    # Whether passes ran on workers and then here, so that no count tells where one stands.
    _is_mixed: bool
    # The process that received it from another, and where that one would have begun.
    _sent: tuple[int, Begin] | None

    def __new__(cls, source: Stream[T] | DataRef[T] | DataLoader[T]) -> IterableDataset[T]:
        """A dataset whose class is torch's, too."""
        return cls._made(_loader_of(source), Passes())

    def __iter__(self) -> Iterator[T]:
        worker = imported("torch", extra="torch").utils.data.get_worker_info()
        return self._in_this_process() if worker is None else self._on_worker(worker)

    def __len__(self) -> int:
        """How many batches an epoch gives. Raises StreamError where nobody can know."""
        return len(self._loader)

    def set_epoch(self, epoch: SupportsIndex) -> None:
        """Makes the next pass that epoch, from its start; `delivered` is counted from here.

        Raises:
            ArgumentError: `epoch` is negative.
        """
        counted = whole("epoch", epoch, least=0, remedy="Epochs are counted from 0.")
        now = Resume.of(self._loader.node, self._loader.upcoming()[1])
        seed = now.next_seed
        self.load_state_dict(Resume(now.chain, counted, seed, seed).state(None))

    def state_dict(self, *, delivered: int) -> State:
        """The state after `delivered` batches were used: those that workers made ahead are not.

        They are counted over all epochs since the dataset or its loader was made, its state was
        loaded, or `set_epoch`. It loads in any dataset or DataLoader over the same stream.

        Raises:
            ArgumentError: it cannot be known after so many, since a pass was left early or
                workers came and went.
            StreamError: workers made the batches, and how many a position gives depends on the
                records.
        """
        move, upcoming = self._loader.upcoming()
        begun, begin = self._passes.begun(os.getpid(), move)
        chain, origin = self._loader.node, self._loader.state_dict(delivered=0)
        if self._is_mixed or (begun and not begin == upcoming == origin):
            raise _unknown(delivered, "passes with workers and without were mixed, or seeded anew")
        if begun and not chain.gives_one_a_unit:
            raise StreamError(
                f"the state after {delivered} batches was asked of {self}, which torch's workers "
                f"read: {cause(chain)} makes the number of batches depend on the records. Give "
                "hr.DataLoader(stream, backend=hr.Threads(2)) to the dataset, and num_workers=0."
            )
        if begun > 1 and not has_known_length(self._loader.world, origin):
            raise _unknown(delivered, "the number of batches in an epoch is not known")
        state = self._loader.state_dict(delivered=delivered)
        if begun and delivered and not is_reached(self._loader.world, origin, begun - 1, state):
            raise _unknown(delivered, f"pass {begun} has begun: an earlier one was left early")
        return state

    def load_state_dict(self, state: State) -> None:
        """Goes on where a state says, from the next pass on, also on workers that live on.

        Raises:
            StateError: it belongs to another chain, dataset or rank.
        """
        self._loader.load_state_dict(state)
        self._passes.set(os.getpid(), Begin(*self._loader.upcoming()))
        self._is_mixed = False

    def __reduce__(self) -> tuple[Any, ...]:  # Any: what pickle calls
        self._refuse_ledger()
        begin = Begin(*self._loader.upcoming())
        received = (self._loader.world, self._loader.framework, begin, self._passes)
        return IterableDataset._received, received

    def __repr__(self) -> str:
        return f"IterableDataset({self._loader.node})"

    @staticmethod
    def _made(
        loader: DataLoader[T], passes: Passes, sent: tuple[int, Begin] | None = None
    ) -> IterableDataset[T]:
        dataset: IterableDataset[T] = object.__new__(_class())
        dataset._loader, dataset._passes, dataset._sent = loader, passes, sent
        dataset._turn, dataset._is_mixed = 0, False
        return dataset

    @staticmethod
    def _received(
        world: World, to: Framework | None, begin: Begin, passes: Passes
    ) -> IterableDataset[T]:
        loader: DataLoader[T] = DataLoader(
            world.stream(), ranks=world.ranks, epoch_end=world.epoch_end, elastic=False, to=to
        )
        loader.load_state_dict(begin.state)
        return IterableDataset._made(loader, passes, (os.getpid(), begin))

    def _in_this_process(self) -> Iterator[T]:
        begun, begin = self._passes.begun(os.getpid(), self._loader.upcoming()[0])
        if begun and begin is not None:
            resume, where = settled(self._loader.world, begin, begun)
            self._loader.load_state_dict(resume.state(where))
            self._is_mixed = True
        return iter(self._loader)

    def _refuse_ledger(self) -> None:
        if self._loader.ledger is not None:
            raise StreamError(
                f"{self._loader.ledger} was given to a loader whose batches are to be made by "
                "torch's workers, which cannot note them in order. Use backend=hr.Threads(2) and "
                "num_workers=0, or leave out ledger=."
            )

    def _on_worker(self, worker: Any) -> Iterator[T]:  # Any: torch's WorkerInfo
        self._refuse_ledger()
        starter, self._turn = starter_of(worker, self._turn), self._turn + 1
        if self._sent is not None and self._sent[0] == os.getpid():
            begin = self._sent[1]
        else:
            begin = Begin(*self._loader.upcoming())
        begin, number = self._passes.begin(starter, begin)
        world, to = self._loader.world, self._loader.framework
        chain = world.chain
        share = Share(worker.id, worker.num_workers)
        is_repeated = share.workers > 1 and not chain.is_divisible
        if is_repeated and self._passes.is_first_to_tell(starter.main):
            warnings.warn(share.told(chain), stacklevel=2)
        batches = share.batches(world, *settled(world, begin.state, number))
        return batches if to is None else map(conversion(to), batches)


@functools.cache
def _class() -> type[Any]:  # Any: its second parent is optional
    """Our class with torch's as a parent, by which torch tells how to read a dataset."""
    parent = imported("torch", extra="torch").utils.data.IterableDataset
    return type("IterableDataset", (IterableDataset, parent), {})


def _loader_of(source: Any) -> DataLoader[Any]:  # Any: whatever the user has
    if isinstance(source, DataLoader):
        if source.device is not None:
            raise ArgumentError(
                "an IterableDataset hands batches to torch's DataLoader, which copies them itself, "
                f"got a loader with device={source.device!r}. Leave device out, and let torch pin "
                "and copy; or iterate over the loader."
            )
        return source
    if isinstance(source, DataRef):
        source = source.stream()
    if isinstance(source, Stream):
        return DataLoader(source)
    raise ArgumentError(
        f"an IterableDataset takes a Stream, a DataRef or a headrace DataLoader, got "
        f"{type(source).__name__}. Make a stream of it: hr.stream(...).batch(64)."
    )


def _unknown(delivered: int, why: str) -> ArgumentError:
    return ArgumentError(
        f"the state after {delivered} batches was asked, and cannot be told: {why}. "
        "Call set_epoch(epoch) before each pass, and count its batches only."
    )
