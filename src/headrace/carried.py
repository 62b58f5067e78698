"""What crosses to other processes: things that travel once, and errors.

What does not load, or does not pickle, becomes an error at its place and breaks no worker.
"""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from headrace.contracts.errors import StreamError
from headrace.deferred import cloudpickle

# Any, in this file: functions of every signature, and whatever they hold.
# Loaded things that a worker keeps: chains have fewer stages.
KEPT = 32
REMEDY = (
    "Make in the function what does not pickle, or by hr.per_worker(factory); or leave out "
    "executor: threads need no pickling."
)


class Portable:
    """A function, or what is called like one, that pickles once; a process loads it once.

    `parts` are what it is made of, with their names, so that an error names the one at fault.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str,
        *,
        parts: Sequence[tuple[str, Any]] = (),
        remedy: str = REMEDY,
    ) -> None:
        self._fn: Callable[..., Any] | None = fn
        self._name = name
        self._parts = parts
        self._remedy = remedy
        self._payload: bytes | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self.payload(), self._name)

    def payload(self) -> bytes:
        """It as bytes.

        Raises:
            StreamError: it does not pickle; the message names the part that does not.
        """
        if self._payload is None:
            try:
                self._payload = cloudpickle.dumps(self._fn)
            except Exception as error:
                name, fault = self._at_fault(error)
                raise StreamError(
                    f"{name} cannot be sent to other processes: {fault}. {self._remedy}"
                ) from error
        return self._payload

    def loaded(self) -> Callable[..., Any]:
        """It, in whichever process this is."""
        if self._fn is None:
            assert self._payload is not None
            self._fn = loaded(self._payload)
        return self._fn

    def _at_fault(self, error: Exception) -> tuple[str, Exception]:
        for name, part in self._parts:
            try:
                cloudpickle.dumps(part)
            except Exception as fault:
                return name, fault
        return self._name, error

    @staticmethod
    def arrived(payload: bytes, name: str) -> Portable:
        """It in another process, not loaded yet: that may fail."""
        found = Portable(loaded, name)
        found._fn, found._payload = None, payload
        return found


_arrived = Portable.arrived


@lru_cache(KEPT)
def loaded(payload: bytes) -> Callable[..., Any]:
    """What a payload holds: one object a process, so that what it has built is found again."""
    fn: Callable[..., Any] = pickle.loads(payload)
    return fn


class CarriedError:
    """An exception with its traceback as text; one that does not load again is described."""

    def __init__(self, error: BaseException) -> None:
        self._payload = _error_bytes(error)
        self._trace = "".join(traceback.format_exception(error))

    def opened(self) -> BaseException:
        """The exception, caused by one that shows the traceback of the worker."""
        error = _opened(self._payload)
        error.__cause__ = WorkerTraceback(self._trace)
        return error


class WorkerTraceback(Exception):
    """Shows where in another process an error came from."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def _error_bytes(error: BaseException) -> bytes:
    # Exceptions with arguments of their own often pickle and do not load: those go in parts.
    for carried in (error, (type(error), error.args, vars(error))):
        with suppress(Exception):
            payload: bytes = cloudpickle.dumps(carried)
            _opened(payload)
            return payload
    text = f"{type(error).__name__}: {error} (an exception that cannot be pickled)"
    described = StreamError(text)
    for note in getattr(error, "__notes__", ()):
        described.add_note(note)
    return pickle.dumps(described)


def _opened(payload: bytes) -> BaseException:
    carried = pickle.loads(payload)
    if isinstance(carried, BaseException):
        return carried
    error_type, arguments, attributes = carried
    error: BaseException = error_type.__new__(error_type)
    error.args = arguments
    vars(error).update(attributes)
    return error
