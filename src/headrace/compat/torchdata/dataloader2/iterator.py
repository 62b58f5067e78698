"""`DataLoader2Iterator`: one epoch of a DataLoader2, with limits and pauses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

from headrace.contracts.errors import ClosedError, whole

# Any, in this file: records of every type.
T_co = TypeVar("T_co", covariant=True)


class Loader(Protocol):
    """What an iterator needs of its DataLoader2."""

    valid_iterator_id: int | None

    def running_pipes(self) -> list[Any]:
        """The pipes of the graph as it runs, the last one first."""
        ...

    def next_batch(self) -> Any:
        """The next batch of the epoch. Raises StopIteration after the last."""
        ...

    def pause(self) -> None:
        """Lets the workers rest."""
        ...

    def resume(self) -> None:
        """Lets them go on."""
        ...

    def limited(self, num_batches: int | None) -> None:
        """Tells the services."""
        ...


class DataLoader2Iterator(Iterator[T_co]):
    """One epoch, batch by batch; a later `iter` of its loader makes it invalid.

    `limit(n)` ends a `for` after n more batches and `resume()` goes on: short epochs. Attributes
    that it does not have are those of the pipes, the last one's first.
    """

    def __init__(self, dataloader: Loader, iterator_id: int) -> None:
        self.dataloader = dataloader
        self.iterator_id = iterator_id
        self.limit_counter: int | None = None
        self.limit_threshold: int | None = None
        self._is_paused = False

    def __next__(self) -> T_co:
        if self.iterator_id != self.dataloader.valid_iterator_id:
            raise ClosedError(
                "This iterator has been invalidated because another iterator has been created "
                "from the same DataLoader2. The newest one alone was expected to be used. "
                "Use one iterator at a time."
            )
        if self._is_paused:
            raise StopIteration
        batch: T_co = self.dataloader.next_batch()
        if self.limit_threshold is not None:
            self.limit_counter = (self.limit_counter or 0) + 1
            self._is_paused = self.limit_counter >= self.limit_threshold
        return batch

    def resume(self) -> None:
        """Goes on after a limit or a pause; the limit counts anew."""
        self._is_paused = False
        self.limit_counter = None if self.limit_threshold is None else 0
        self.dataloader.resume()

    def limit(self, num_batches: int | None) -> None:
        """Ends a `for` after so many more batches; None lets the epoch go to its end.

        Workers go on in between, as far ahead as they may. `state_dict` is exact.

        Raises:
            ArgumentError: it is below 1.
        """
        if num_batches is not None:
            remedy = "None lets the epoch go to its end."
            num_batches = whole("num_batches", num_batches, least=1, remedy=remedy)
        self.limit_counter = None if num_batches is None else 0
        self.limit_threshold = num_batches
        self.dataloader.limited(num_batches)

    def _pause(self) -> None:
        self._is_paused = True
        self.limit_counter = None if self.limit_threshold is None else 0
        self.dataloader.pause()

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            for pipe in self.dataloader.running_pipes():
                # Unknown names of a pipe are looked up among the registered functions.
                if hasattr(type(pipe), name) or name in vars(pipe):
                    return getattr(pipe, name)
        raise AttributeError(
            f"'DataLoader2Iterator' object has no attribute {name!r}, and no pipe of its graph has."
        )
