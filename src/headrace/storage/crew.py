"""The workers that one submit has of a backend."""

from __future__ import annotations

from types import TracebackType

from headrace.contracts import Backend, Workers
from headrace.contracts.errors import ArgumentError


class Crew:
    """Workers that are started when they are first wanted, and end when the crew is left.

    Raises:
        ArgumentError: it is no backend.
    """

    def __init__(self, backend: Backend | None) -> None:
        is_backend = isinstance(backend, Backend) and not isinstance(backend, type)
        if backend is not None and not is_backend:
            raise ArgumentError(
                f"a backend that says look_ahead and start was expected, got {backend!r}. "
                "Use hr.Threads(4) for four threads, or leave it out."
            )
        self._backend = backend
        self._workers: Workers | None = None

    @property
    def look_ahead(self) -> int:
        """How many tasks may be undelivered at once; 0 where all is done in this process."""
        return 0 if self._backend is None else self._backend.look_ahead

    @property
    def shares_globals(self) -> bool:
        """Whether tasks run side by side in one interpreter."""
        return self._backend is not None and self._backend.shares_globals

    def workers(self) -> Workers:
        """The workers, running."""
        assert self._backend is not None
        if self._workers is None:
            self._workers = self._backend.start()
        return self._workers

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        workers, self._workers = self._workers, None
        if workers is not None:
            workers.close()
