"""Whether this process was forked from one in which obstore may have run."""

from __future__ import annotations

import functools
import os


class _ForkGuard:
    """Knows whether this process was forked from one that had used obstore.

    Such a child hangs for ever in obstore, even with a store that it made itself.
    """

    def __init__(self) -> None:
        self.is_child = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._mark)

    def _mark(self) -> None:
        self.is_child = True


@functools.cache
def fork_guard() -> _ForkGuard:
    """The guard of this process: one, because the trap is the process's, not the store's."""
    return _ForkGuard()
