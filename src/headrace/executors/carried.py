"""Groups of records and their results on the way to other processes and back.

In an executor of this process nothing here is pickled. In all others each thing pickles in a way
that cannot break a pool: what does not load, or does not pickle, becomes an error at its place.
"""

from __future__ import annotations

import pickle
from typing import Any

from headrace.carried import CarriedError, Portable
from headrace.contracts.errors import StreamError
from headrace.deferred import cloudpickle
from headrace.executors.runner import Outcome, run

# Any, in this file: functions, records and results of every type.


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


def run_carried(fn: Portable, group: Packed | PackedBytes, slice_s: float) -> CarriedOutcome:
    """Runs a group in whichever process this is."""
    records, fault = group.opened()
    outcome = run(fn.loaded(), records, slice_s)
    error = outcome.error
    if fault and error is None and len(outcome.values) == len(records):
        error = _unsendable("a record", fault)
    return CarriedOutcome(Packed(outcome.values), error, outcome.seconds)


def _unsendable(what: str, fault: str) -> StreamError:
    return StreamError(
        f"{what} cannot be sent between processes: {fault}. Give records and results that "
        "pickle, or leave out executor: threads need no pickling."
    )
