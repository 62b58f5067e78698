"""The errors of DataLoader2 that headrace does not have by itself."""

from __future__ import annotations

from headrace.contracts.errors import StreamError


class PauseIteration(StopIteration):
    """A name of the original's: here a limit or a pause ends a `for` as its end does."""


class GraphError(StreamError, RuntimeError):
    """A graph of pipes, or a service over it, cannot do what is asked; the original's type."""
