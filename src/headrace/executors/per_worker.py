"""Functions with a state for each worker: a model, a connection, a decoder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from headrace.contracts.errors import ArgumentError

# Any: the function's records, and what the thread keeps.
T = TypeVar("T")
Made = Callable[[Any], T]


@dataclass(frozen=True)
class PerWorker(Generic[T]):
    """A function that each worker builds for itself; see `headrace.per_worker`."""

    factory: Callable[[], Made[T]]
    # What this thread has built.
    _built: threading.local = field(
        default_factory=threading.local, init=False, repr=False, compare=False
    )

    def __call__(self, record: Any) -> T:
        """What this worker's function gives for a record."""
        fn: Made[T] | None = getattr(self._built, "fn", None)
        if fn is None:
            fn = self._built.fn = self.factory()
        return fn(record)

    def __reduce__(self) -> tuple[Any, ...]:
        return PerWorker, (self.factory,)

    @property
    def __name__(self) -> str:
        """The name of what is built, for errors and drawings."""
        return getattr(self.factory, "__name__", None) or type(self.factory).__name__

    def close(self) -> None:
        """Closes what this thread has built, where it has `close()`."""
        fn = getattr(self._built, "fn", None)
        self._built.__dict__.clear()
        close = getattr(fn, "close", None)
        if callable(close):
            close()


def per_worker(factory: Callable[[], Callable[[Any], T]]) -> PerWorker[T]:
    """A function for `map` and `async_map` that each worker builds by `factory()`.

    The factory is called once for each worker (a thread of a process), by its first record. It
    alone travels to other processes, so what it builds need not pickle. The threads that
    `async_map` starts itself close what they have built as they end, where it has `close()`.

    Raises:
        ArgumentError: `factory` cannot be called.

    Example:
        >>> import headrace as hr
        >>> class Doubling:
        ...     def __init__(self):
        ...         self.factor = 2  # a model that takes long to load
        ...     def __call__(self, record):
        ...         return self.factor * record
        >>> hr.stream([1, 2, 3]).async_map(hr.per_worker(Doubling)).collect()
        [2, 4, 6]
    """
    if not callable(factory):
        raise ArgumentError(
            f"per_worker needs a function or class that builds the function, got {factory!r}. "
            "Pass it without calling it."
        )
    return PerWorker(factory)
