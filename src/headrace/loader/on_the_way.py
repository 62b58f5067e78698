"""Batches on their way to a device, and where the consumer stands meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from headrace.contracts import State
from headrace.loader.epochs import Epochs, Stood
from headrace.tensors import Copies

T = TypeVar("T")

# The batch that is given, and the one that is copied while it is used.
AHEAD = 2


class OnTheWay(Generic[T]):
    """Draws batches from the epochs ahead of the consumer, and copies them to a device.

    At most `AHEAD` are drawn and not given. The place after each is kept with it, so that the
    state is always that of the batches that were given.
    """

    def __init__(self, epochs: Epochs[T], copies: Copies) -> None:
        self._epochs = epochs
        self._copies = copies
        # Any: what a copy is while it is under way. Oldest first.
        self._flight: deque[tuple[Any, Stood]] = deque()
        self._newest: object | None = None
        self._goes_on = False
        # How drawing ended in this epoch: by an error, or by its end.
        self._end: Exception | None = None
        # Where the consumer stands; None where that is where the epochs stand.
        self._stood: Stood | None = None

    @property
    def epoch(self) -> int:
        """The epoch of the batch that was given last, or of the next one."""
        return self._epochs.epoch if self._stood is None else self._stood.header.epoch

    @property
    def is_padding(self) -> bool:
        """Whether the batch that was given last is a repeat, to even out the ranks."""
        return self._epochs.is_padding if self._stood is None else self._stood.is_padding

    def state(self) -> State:
        """The state after the batch that was given last."""
        return self._epochs.state(None) if self._stood is None else self._epochs.at(self._stood)

    def upcoming(self) -> State:
        """The state in which the next pass begins."""
        return self.state() if self._goes_on else self._epochs.upcoming()

    def go_back(self) -> None:
        """Lets the epochs go on with what was drawn and not given."""
        if self._is_left():
            self._epochs.load(self.state())
        self.forget()

    def forget(self) -> None:
        """Drops what is on its way: the position was set anew."""
        self._flight.clear()
        self._newest = self._end = self._stood = None
        self._goes_on = False

    def close(self) -> None:
        """Gives nothing more; the state stays."""
        self._flight.clear()
        self._newest, self._goes_on = None, False

    def singly(self, *, goes_on: bool = False) -> Iterator[T]:
        """The next epoch, or what is left of this one; as `Epochs.singly`."""
        is_left = self._is_left()
        if not is_left:
            self.forget()
        # Where all of the epoch is drawn, the epochs would begin the next one.
        is_over = self._end is not None
        source = iter(()) if is_over else self._epochs.drawn(goes_on=goes_on, gave=is_left)
        if self._stood is None:
            self._stood = self._epochs.stood()
        self._goes_on = goes_on
        self._newest = token = object()
        return self._given(token, source)

    def _is_left(self) -> bool:
        """Whether the next pass goes on with what is on its way, or raises what ended it."""
        is_failed = self._end is not None and not isinstance(self._end, StopIteration)
        return bool(self._goes_on and (self._flight or is_failed))

    def _given(self, token: object, source: Iterator[T]) -> Iterator[T]:
        while True:
            if self._newest is not token:
                self._epochs.refuse()
            self._draw(source)
            if not self._flight:
                break
            begun, stood = self._flight.popleft()
            batch = self._copies.finish(begun)
            assert stood.mark is not None
            self._epochs.noting.given(stood.mark)
            self._stood = stood
            try:
                yield batch
            except GeneratorExit:
                # What a limit has drawn comes in the next pass; else nobody will ask for it.
                if self._newest is token and not self._goes_on:
                    self._flight.clear()
                raise
            # The device's memory is the consumer's to let go of.
            del begun, batch
        end = self._end
        self.forget()
        if isinstance(end, StopIteration):
            self._epochs.noting.finished()
            return
        assert end is not None
        try:
            raise end
        finally:
            # An error holds this frame: nothing in it may hold the error.
            del end

    def _draw(self, source: Iterator[T]) -> None:
        """Fills the flight; an error waits until what came before it is given."""
        while len(self._flight) < AHEAD and self._end is None:
            try:
                begun = self._copies.begin(next(source))
            except Exception as end:
                self._end = end
                return
            self._flight.append((begun, self._epochs.stood()))
