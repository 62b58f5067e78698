"""What happens to batches between the epochs and the loop that reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from headrace.contracts import Block, State
from headrace.contracts.timing import Timing
from headrace.engine import held
from headrace.loader.epochs import Epochs
from headrace.loader.on_the_way import OnTheWay
from headrace.loader.tuning import Autotune
from headrace.tensors import Copies

T = TypeVar("T")
U = TypeVar("U")


class Giving(Generic[T]):
    """Gives the batches of the epochs converted or copied, timed, and at a pace that is tuned.

    Where batches are copied ahead, it knows where the loop stands, which the epochs do not.
    """

    def __init__(
        self,
        epochs: Epochs[T],
        *,
        convert: Callable[[Any], Any] | None,  # Any: batches of every type
        copies: Copies | None,
        timing: Timing | None,
        autotune: Autotune | None,
    ) -> None:
        self._epochs = epochs
        self._convert = convert
        self._way: OnTheWay[T] | None = None if copies is None else OnTheWay(epochs, copies)
        self._timing = timing
        self._autotune = autotune

    @property
    def epoch(self) -> int:
        """The epoch that is running, or that the next pass will run."""
        return self._epochs.epoch if self._way is None else self._way.epoch

    @property
    def is_padding(self) -> bool:
        """Whether the newest batch is a repeat of the last one, to even out the ranks."""
        return self._epochs.is_padding if self._way is None else self._way.is_padding

    def singly(self, *, goes_on: bool = False) -> Iterator[T]:
        """The next epoch, or what is left of this one; as `Epochs.singly`."""
        if self._way is not None:
            return self._way.singly(goes_on=goes_on)
        batches = self._epochs.singly(goes_on=goes_on)
        return batches if self._convert is None else map(self._convert, batches)

    def in_blocks(self, size: int) -> Iterator[Block[T]]:
        """The next epoch in blocks of up to `size`, neither converted nor copied."""
        if self._way is not None:
            self._way.go_back()
        return self._epochs.in_blocks(size)

    def watched(self, batches: Iterator[U]) -> Iterator[U]:
        """The batches, timed and their pace tuned where that is asked for."""
        if self._autotune is not None:
            batches = self._autotune.watched(batches)
        if self._timing is not None:
            batches = held(batches, self._timing, lambda: self.epoch)
        return batches

    def state(self, delivered: int | None) -> State:
        """Where the newest batch stands, or the one before which `delivered` were used."""
        if self._way is not None and delivered is None:
            return self._way.state()
        return self._epochs.state(delivered)

    def upcoming(self) -> State:
        """The state in which the next pass begins."""
        return self._epochs.upcoming() if self._way is None else self._way.upcoming()

    def load(self, state: State) -> None:
        """Begins the next pass where a state says. Raises StateError where it does not fit."""
        self._epochs.load(state)
        if self._way is not None:
            self._way.forget()

    def shutdown(self) -> None:
        """Ends the workers; the state is kept."""
        if self._way is not None:
            self._way.close()
        self._epochs.shutdown()
