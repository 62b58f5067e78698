"""A DataLoader as the PyDataset that Keras trains on."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from typing import Any

from headrace.contracts import Run, State
from headrace.contracts.errors import ArgumentError, StateError, StreamError
from headrace.engine import Resume
from headrace.extras import imported
from headrace.loader import DataLoader

__all__ = ["PyDataset"]

# Any, in this file: Keras is optional, and batches hold the user's values.

# Keras looks at batches before it trains: two for their shapes, and under a strategy as many as
# tf.data reads ahead meanwhile.
KEPT = 16


def PyDataset(  # noqa: N802 - it gives one, and is called like the class
    loader: DataLoader[Any], *, workers: int = 1, max_queue_size: int = 10
) -> Any:
    """A `keras.utils.PyDataset` over a loader, for `fit`, `evaluate` and `predict`.

    The loader gives what Keras takes: tuples (inputs, targets) or (inputs, targets, weights), or
    dicts of inputs. An epoch of Keras is an epoch of the loader, each batch once; what Keras
    looks at before it trains is drawn once. A new `fit` begins the next epoch where the last one
    had begun its own. `workers` are threads of Keras that hand batches on; the records are read
    where the loader's backend says.

    Say `fit(..., shuffle=False)`: the order is the loader's own, shuffled anew each epoch. With
    `shuffle=True`, which is what `fit` does unless told, batches come in an order of Keras: right
    where the chain is addressable, an error where it is not, and not resumable.

    **Length**: the batches left in the epoch. Keras takes as many from each epoch of a `fit`, so
    what is left of a resumed epoch is a `fit` of its own. Where the number is not known, say
    `steps_per_epoch`: the epochs of the loader then follow each other without a gap.

    **State**: `dataset.state_dict(delivered=n)` after n steps, counted since the loader was made
    or its state was loaded; it is the loader's.

    Raises:
        MissingExtra: Keras is not installed.
        ArgumentError: `loader` is no DataLoader.

    Example:
        >>> import headrace as hr
        >>> from headrace.adapters.keras import PyDataset
        >>> ref = hr.DataRef.from_sequence([{"x": n, "y": n % 2} for n in range(6)])
        >>> stream = ref.stream().batch(4).map(lambda batch: (batch["x"], batch["y"]))
        >>> dataset = PyDataset(hr.DataLoader(stream))
        >>> len(dataset), dataset[0][0].tolist(), dataset[1][0].tolist()
        (2, [0, 1, 2, 3], [4, 5])
    """
    keras = imported("keras", extra="keras")
    if not isinstance(loader, DataLoader):
        raise ArgumentError(
            f"PyDataset takes a DataLoader, got {type(loader).__name__}. "
            "Make one: hr.DataLoader(stream)."
        )
    return _class(keras)(Batches(loader, workers), workers, max_queue_size)


class Batches:
    """The batches of a loader by their index in its epoch; threads may ask at once.

    What is asked in the loader's order is drawn from it. The rest is read by its address.
    """

    def __init__(self, loader: DataLoader[Any], workers: int) -> None:
        self._loader = loader
        # The threads of Keras overtake each other by so many batches at most.
        self._overtaken = max(0, workers - 1)
        self._lock = threading.RLock()
        self._iterator: Iterator[Any] | None = None
        # What is left of the epoch begins with batch `first` of it; None where nobody knows.
        self._run, self._first = Run(), 0
        self._length: int | None = None
        self._next = 0
        self._kept: dict[int, Any] = {}
        self._given: set[int] = set()
        self._is_ordered = True
        # Keras looks from when it makes its adapter until the first end of an epoch.
        self._is_looking = self._has_begun = False
        self._fit_length: int | None = None

    @property
    def count(self) -> int | None:
        """How many batches are left in the epoch, None where that is not known."""
        with self._lock:
            if self._iterator is None:
                self._begin_epoch()
            return self._length

    def batch(self, index: int) -> Any:
        """Batch `index` of what is left of the epoch.

        Raises:
            StreamError: the chain cannot give it now; the message says what to do.
        """
        with self._lock:
            if self._iterator is None:
                self._begin_epoch()
            self._note(index)
            found = self._kept[index] if index in self._kept else self._found(index)
            self._kept.pop(index, None)
            if self._is_looking and len(self._kept) < KEPT:
                self._kept[index] = found
            return found

    def begin_looking(self) -> None:
        """Keras makes an adapter: `fit`, `evaluate` or `predict` was called."""
        with self._lock:
            self._is_looking, self._has_begun, self._fit_length = True, False, None
            if self._given:
                self._begin_epoch()
            if self._length is None:
                self._next = 0
            self._kept.clear()

    def begin(self) -> None:
        """Keras begins an epoch of its own."""
        with self._lock:
            self._has_begun = True
            if self._is_complete and not self._is_looking:
                self._advance()
            if self._fit_length is None:
                self._fit_length = self.count

    def end(self) -> None:
        """Keras ends an epoch of its own, or has looked enough."""
        with self._lock:
            if self._is_looking and not self._is_complete:
                self._given.clear()
            self._is_looking = False

    def state(self, delivered: int) -> State:
        """The loader's state after `delivered` batches.

        Raises:
            StateError: they were not taken in the loader's order.
        """
        if not self._is_ordered:
            raise StateError(
                "the state was asked of a PyDataset whose batches were taken in another order "
                "than the loader's, or more than once. Call fit(..., shuffle=False)."
            )
        return self._loader.state_dict(delivered=delivered)

    @property
    def _is_complete(self) -> bool:
        return self._length is not None and len(self._given) >= max(1, self._length)

    def _note(self, index: int) -> None:
        """Counts what is taken, and begins the next epoch, or this one again."""
        if self._length is None or (self._is_looking and not self._has_begun):
            return
        if index in self._given:
            if self._is_complete:
                self._advance()
            self._given.clear()
        self._given.add(index)

    def _advance(self) -> None:
        self._begin_epoch()
        if self._fit_length in (None, self._length):
            return
        raise StreamError(
            f"this epoch has {self._length} batches, and fit was begun when {self._fit_length} "
            "were left of another: Keras takes as many from each epoch, so batches would be lost. "
            "Call fit(..., initial_epoch=e, epochs=e + 1) for what is left of epoch e, then fit "
            "again for the others."
        )

    def _begin_epoch(self) -> None:
        self._kept.clear()
        self._given.clear()
        self._next = 0
        self._iterator = iter(self._loader)
        state, chain = self._loader.state_dict(), self._loader.node
        rest = Resume.of(chain, state).rest
        self._run = Run(epoch=state["epoch"], seed=state["seed"], rest=rest)
        world = self._loader.world
        self._first, total = 0, world.length(self._run)
        if chain.gives_one_a_unit and total is not None:
            # In the repeats of its last batch, a rank stands before that batch.
            given = state["at"] + (1 + state["padded"] if "padded" in state else 0)
            if given < total:
                self._first = given
            else:
                # A state after the last batch: the loader goes on with the next epoch.
                seed = state.get("next_seed", state["seed"])
                self._run = Run(epoch=state["epoch"] + 1, seed=seed)
                total = world.length(self._run)
        elif state["at"] or state["part"]:
            # Nobody knows how many batches came before.
            total = None
        self._length = None if total is None else total - self._first

    def _found(self, index: int) -> Any:
        if self._next <= index <= self._next + self._overtaken:
            while (number := self._next) < index:
                # Drawing moves `_next` on before a place on the left would be looked up.
                self._kept[number] = self._drawn()
            return self._drawn()
        self._is_ordered = False
        if self._length is None or not self._loader.node.is_divisible:
            raise StreamError(
                f"batch {index} was asked where batch {self._next} is next, and this chain gives "
                "its batches in their order alone, each once. Call fit(..., shuffle=False)."
            )
        # A rank that has fewer batches than others repeats its last one.
        last = max(0, (self._loader.node.length(self._run) or 1) - 1)
        place = min(self._first + index, last)
        cursor = self._loader.node.open_every(self._run, place, 2**31)
        try:
            return cursor.read(1)[0]
        finally:
            cursor.close()

    def _drawn(self) -> Any:
        assert self._iterator is not None
        try:
            batch = next(self._iterator)
        except StopIteration:
            if self._length is not None or not self._next:
                raise IndexError(f"the epoch ended after {self._next} batches") from None
            self._iterator = iter(self._loader)
            batch = next(self._iterator)
        self._next += 1
        return batch


@functools.cache
def _class(keras: Any) -> Any:
    """The class, which can be made only where Keras is."""

    class LoaderDataset(keras.utils.PyDataset):  # type: ignore[misc]
        """The batches of a DataLoader."""

        def __init__(self, batches: Batches, workers: int, max_queue_size: int) -> None:
            super().__init__(workers=workers, max_queue_size=max_queue_size)
            self._batches = batches

        def __getitem__(self, index: int) -> Any:
            return self._batches.batch(index)

        def __len__(self) -> int:
            count = self._batches.count
            if count is None:
                raise TypeError("the number of batches is not known. Say steps_per_epoch.")
            return count

        @property
        def num_batches(self) -> int | None:
            """How many batches are left in the epoch, None where that is not known."""
            return self._batches.count

        @property
        def workers(self) -> int:
            """How many threads of Keras hand batches on."""
            # Keras asks once, when fit, evaluate or predict begins; nothing else tells of it.
            self._batches.begin_looking()
            return int(self._workers)

        def on_epoch_begin(self) -> None:
            """An epoch of Keras begins."""
            self._batches.begin()

        def on_epoch_end(self) -> None:
            """An epoch of Keras ends."""
            self._batches.end()

        def state_dict(self, *, delivered: int) -> State:
            """The loader's state after `delivered` steps."""
            return self._batches.state(delivered)

    return LoaderDataset
