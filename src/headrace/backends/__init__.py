"""Where tasks run: one file a backend."""

from __future__ import annotations

from headrace.backends.inline import Inline
from headrace.backends.threads import Threads

__all__ = [
    "Inline",
    "Threads",
]
