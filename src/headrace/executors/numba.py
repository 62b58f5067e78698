"""A function compiled by Numba, on threads: they run side by side without the lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from headrace.extras import imported

# Any, in this file: functions, records and results of every type, and a package without types.


class Jitted:
    """A function in nopython mode where Numba can, else in object mode, else as it is.

    Arrays, NumPy scalars, numbers, and tuples of these can be compiled for; what holds anything
    else (dicts, lists, strings) goes to object mode.

    Raises:
        MissingExtra: numba is not installed.
    """

    def __init__(self, fn: Callable[[Any], Any]) -> None:
        self._numba = imported("numba", extra="numba")
        self._plain = fn
        # What was jitted by its user stays as it is.
        self._is_jitted = hasattr(fn, "py_func")
        # Each None once Numba has refused the function in this mode. Threads may refuse it
        # together: they write the same.
        self._fast = fn if self._is_jitted else self._tried(nopython=True, nogil=True)
        self._slow = None if self._is_jitted else self._tried(forceobj=True)

    def __call__(self, record: Any) -> Any:
        refused = self._numba.core.errors.NumbaError
        if self._fast is not None and (self._is_jitted or is_typed(record)):
            try:
                return self._fast(record)
            except refused:
                if self._is_jitted:
                    raise
                self._fast = None
        if self._slow is not None:
            try:
                return self._slow(record)
            except refused:
                self._slow = None
        return self._plain(record)

    def _tried(self, **options: bool) -> Callable[[Any], Any] | None:
        try:
            found: Callable[[Any], Any] = self._numba.jit(**options)(self._plain)
        except (TypeError, self._numba.core.errors.NumbaError):
            # No plain Python function: an object, a class, or one written in C.
            return None
        return found


def is_typed(record: Any) -> bool:
    """Whether Numba has a fast type for a record."""
    if isinstance(record, tuple):
        return all(is_typed(part) for part in record)
    if isinstance(record, np.ndarray):
        return not record.dtype.hasobject
    return isinstance(record, np.generic | bool | int | float | complex)
