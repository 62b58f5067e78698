"""One pass over a loader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Batches(Generic[T]):
    """One pass over a loader. An error ends it, and is raised again when it is asked again."""

    def __init__(self, batches: Iterator[T]) -> None:
        self._batches = batches
        self._failure: Exception | None = None

    def __iter__(self) -> Batches[T]:
        return self

    def __next__(self) -> T:
        if self._failure is not None:
            raise self._failure
        try:
            return next(self._batches)
        except StopIteration:
            raise
        except Exception as error:
            self._failure = error
            raise
