"""YogaDL's Stream: a function that gives the next epoch with each call, and a length."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from headrace.adapters.tensorflow import make_tf_dataset
from headrace.contracts.errors import ArgumentError, MissingExtra
from headrace.extras import imported
from headrace.streams import Stream as NativeStream
from headrace.streams import stream as native_stream

# Any, in this file: records are of every type, and TensorFlow has no types.


class Epochs:
    """An `iterator_fn` over a headrace Stream: each iterator that begins is the next epoch."""

    def __init__(
        self, native: NativeStream[Any], types: Callable[[], tuple[Any, Any]] | None = None
    ) -> None:
        self.native = native
        self._types = types
        self._lock = threading.Lock()
        self._upcoming = native.first_epoch

    def __call__(self) -> Iterator[Any]:
        """One epoch, counted when the first record is asked for."""
        with self._lock:
            epoch = self._upcoming
            self._upcoming += 1
        yield from self.native.epoch(epoch)

    @property
    def upcoming(self) -> NativeStream[Any]:
        """The Stream from the epoch on that has not begun yet."""
        return self.native.epoch(self._upcoming)

    @property
    def stated(self) -> tuple[Any, Any] | None:
        """TensorFlow's types and shapes where they are written down; None where records show."""
        found = None if self._types is None else self._types()
        return None if found is None or found[0] is None else found

    def shown(self) -> tuple[Any, Any]:
        """TensorFlow's types and shapes, (None, None) where nobody can tell."""
        if self.stated is not None:
            return self.stated
        try:
            tf = imported("tensorflow", extra="tf")
            dataset = make_tf_dataset(self.native)
        except (ArgumentError, MissingExtra):
            return None, None
        known = tf.compat.v1.data
        return known.get_output_types(dataset), known.get_output_shapes(dataset)


class Stream:
    """The records of a dataset in an order: maps onto `headrace.Stream`, which is its `native`.

    `iterator_fn()` gives one epoch, and the next one with each call; `length` counts the records
    of a whole epoch. The types and shapes are TensorFlow's; those of a stored dataset are known,
    and None where TensorFlow is not installed.

    Raises:
        ArgumentError: `iterator_fn` is no function.

    Example:
        >>> import headrace.compat.yogadl as yogadl
        >>> stream = yogadl.Stream(lambda: iter("abc"), length=3)
        >>> len(stream), list(stream)
        (3, ['a', 'b', 'c'])
    """

    def __init__(
        self,
        iterator_fn: Callable[[], Iterator[Any]],
        length: int,
        output_types: Any = None,
        output_shapes: Any = None,
    ) -> None:
        if not callable(iterator_fn):
            raise ArgumentError(
                f"iterator_fn must be a function that returns an iterator, got {iterator_fn!r}. "
                "Pass the function itself: it is called once an epoch."
            )
        self.iterator_fn = iterator_fn
        self.length = length
        self._types = output_types
        self._shapes = output_shapes

    @property
    def native(self) -> NativeStream[Any]:
        """The headrace Stream: for batches, a DataLoader, threads, processes, exact resume."""
        if isinstance(self.iterator_fn, Epochs):
            return self.iterator_fn.native
        return native_stream(self.iterator_fn)

    @property
    def output_types(self) -> Any:
        """The types of a record as TensorFlow knows them."""
        return self._shown()[0] if self._types is None else self._types

    @property
    def output_shapes(self) -> Any:
        """The shapes of a record as TensorFlow knows them."""
        return self._shown()[1] if self._shapes is None else self._shapes

    @property
    def stated(self) -> tuple[Any, Any] | None:
        """The types and shapes that were said or stored; None where records show them."""
        if self._types is not None:
            return self._types, self._shapes
        return self.iterator_fn.stated if isinstance(self.iterator_fn, Epochs) else None

    def __iter__(self) -> Iterator[Any]:
        return self.iterator_fn()

    def __len__(self) -> int:
        return self.length

    def _shown(self) -> tuple[Any, Any]:
        return self.iterator_fn.shown() if isinstance(self.iterator_fn, Epochs) else (None, None)
