"""What crosses to other processes: functions, records and results, pickled where needed.

In an executor of this process nothing here is pickled. In all others each thing pickles in a way
that cannot break a pool: what does not load, or does not pickle, becomes an error at its place.
"""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from headrace.contracts.errors import StreamError
from headrace.deferred import cloudpickle
from headrace.executors.runner import Outcome, run

# Any, in this file: functions, records and results of every type.
# Loaded functions that a worker keeps: chains have fewer stages.
KEPT_FUNCTIONS = 32


class Portable:
    """A function that pickles by cloudpickle, once; a worker loads it once."""

    def __init__(self, fn: Callable[[Any], Any], name: str) -> None:
        self._fn: Callable[[Any], Any] | None = fn
        self._name = name
        self._payload: bytes | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self.payload(), self._name)

    def payload(self) -> bytes:
        """The function as bytes.

        Raises:
            StreamError: it does not pickle.
        """
        if self._payload is None:
            try:
                self._payload = cloudpickle.dumps(self._fn)
            except Exception as error:
                raise StreamError(
                    f"{self._name} cannot be sent to other processes: {error}. Make in the "
                    "function what does not pickle, or by hr.per_worker(factory); or leave out "
                    "executor: threads need no pickling."
                ) from error
        return self._payload

    def loaded(self) -> Callable[[Any], Any]:
        """The function, in whichever process this is."""
        if self._fn is None:
            assert self._payload is not None
            self._fn = _loaded(self._payload)
        return self._fn

    @staticmethod
    def arrived(payload: bytes, name: str) -> Portable:
        """The function in another process, not loaded yet: that may fail."""
        found = Portable(_loaded, name)
        found._fn, found._payload = None, payload
        return found


_arrived = Portable.arrived


@lru_cache(KEPT_FUNCTIONS)
def _loaded(payload: bytes) -> Callable[[Any], Any]:
    # One object a process: what a per_worker function has built is found again.
    fn: Callable[[Any], Any] = pickle.loads(payload)
    return fn


class Packed:
    """Values that pickle as one, up to the first that does not."""

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def __reduce__(self) -> tuple[Any, ...]:
        try:
            return PackedBytes, (cloudpickle.dumps(self._values), "")
        except Exception:
            return PackedBytes, self._prefix()

    def opened(self) -> tuple[list[Any], str]:
        """The values, and what is wrong with the one after them."""
        return self._values, ""

    def _prefix(self) -> tuple[bytes, str]:
        for count, value in enumerate(self._values):
            try:
                cloudpickle.dumps(value)
            except Exception as error:
                fault = f"{type(value).__name__} cannot be pickled: {error}"
                return cloudpickle.dumps(self._values[:count]), fault
        raise StreamError("records that pickle singly do not together. Give them singly.")


class PackedBytes:
    """Values in another process, not loaded yet: that may fail."""

    def __init__(self, payload: bytes, fault: str) -> None:
        self._payload = payload
        self._fault = fault

    def __reduce__(self) -> tuple[Any, ...]:
        return PackedBytes, (self._payload, self._fault)

    def opened(self) -> tuple[list[Any], str]:
        """The values, and what is wrong with the one after them."""
        values: list[Any] = pickle.loads(self._payload)
        return values, self._fault


class CarriedOutcome:
    """An outcome that can leave its process."""

    def __init__(self, values: Packed | PackedBytes, error: Any, seconds: float) -> None:
        self._values = values
        self._error = error
        self._seconds = seconds

    def __reduce__(self) -> tuple[Any, ...]:
        error = self._error
        carried = CarriedError(error) if isinstance(error, BaseException) else error
        return CarriedOutcome, (self._values, carried, self._seconds)

    def opened(self) -> Outcome:
        """The outcome, in the process that asked for it."""
        values, fault = self._values.opened()
        error = self._error
        if fault:
            error = _unsendable("a result", fault)
        elif isinstance(error, CarriedError):
            error = error.opened()
        return Outcome(values, error, self._seconds)


class CarriedError:
    """An exception with its traceback as text; one that does not load again is described."""

    def __init__(self, error: BaseException) -> None:
        self._payload = _error_bytes(error)
        self._trace = "".join(traceback.format_exception(error))

    def opened(self) -> BaseException:
        """The exception, caused by one that shows the traceback of the worker."""
        error: BaseException = pickle.loads(self._payload)
        error.__cause__ = WorkerTraceback(self._trace)
        return error


class WorkerTraceback(Exception):
    """Shows where in another process an error came from."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def run_carried(fn: Portable, group: Packed | PackedBytes, slice_s: float) -> CarriedOutcome:
    """Runs a group in whichever process this is."""
    records, fault = group.opened()
    outcome = run(fn.loaded(), records, slice_s)
    error = outcome.error
    if fault and error is None and len(outcome.values) == len(records):
        error = _unsendable("a record", fault)
    return CarriedOutcome(Packed(outcome.values), error, outcome.seconds)


def _error_bytes(error: BaseException) -> bytes:
    try:
        payload: bytes = cloudpickle.dumps(error)
        # Exceptions with arguments of their own often pickle and do not load.
        pickle.loads(payload)
    except Exception:
        text = f"{type(error).__name__}: {error} (an exception that cannot be pickled)"
        payload = cloudpickle.dumps(StreamError(text))
    return payload


def _unsendable(what: str, fault: str) -> StreamError:
    return StreamError(
        f"{what} cannot be sent between processes: {fault}. Give records and results that "
        "pickle, or leave out executor: threads need no pickling."
    )
