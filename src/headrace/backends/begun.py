"""A backend whose workers run already."""

from __future__ import annotations

from headrace.contracts import Backend, Workers


class Begun:
    """Another backend's workers, started now; whoever starts this one gets them.

    Up to `look_ahead` tasks may be undelivered. Whoever made it closes it, unless it was started.
    """

    def __init__(self, backend: Backend, look_ahead: int) -> None:
        self._backend = backend
        self._look_ahead = look_ahead
        self.workers: Workers = backend.start()

    @property
    def look_ahead(self) -> int:
        """How many tasks may be undelivered at once."""
        return self._look_ahead

    @property
    def shares_globals(self) -> bool:
        """Whether tasks run side by side in one interpreter."""
        return self._backend.shares_globals

    @property
    def num_workers(self) -> int:
        """How many workers there are."""
        return int(getattr(self._backend, "num_workers", 0))

    def start(self) -> Workers:
        """The workers that run."""
        return self.workers

    def __repr__(self) -> str:
        return repr(self._backend)
