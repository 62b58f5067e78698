"""Where tasks run: one file a backend."""

from __future__ import annotations

from headrace.backends.dask import Dask
from headrace.backends.inline import Inline
from headrace.backends.processes import Processes
from headrace.backends.ray import Ray
from headrace.backends.threads import Threads

__all__ = [
    "Dask",
    "Inline",
    "Processes",
    "Ray",
    "Threads",
]
