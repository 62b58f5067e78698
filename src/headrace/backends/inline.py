"""Tasks run where they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Inline:
    """Runs everything in the consumer's thread, and nothing before it is asked for.

    Example:
        >>> import headrace as hr
        >>> with hr.DataLoader(hr.stream(range(4)).batch(2), backend=hr.Inline()) as loader:
        ...     print([batch.tolist() for batch in loader])
        [[0, 1], [2, 3]]
    """

    @property
    def look_ahead(self) -> int:
        """No task is ahead of the consumer."""
        return 0

    @property
    def shares_globals(self) -> bool:
        """One task runs at a time."""
        return False

    def start(self) -> InlineWorkers:
        """Workers that run each task at once."""
        return InlineWorkers()


class InlineWorkers:
    """The calling thread as the only worker."""

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Runs `task` before it returns."""
        future: Future[T] = Future()
        try:
            future.set_result(task())
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        """Nothing to end."""
