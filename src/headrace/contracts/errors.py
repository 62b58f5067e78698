"""Every error of headrace, under one root.

HeadraceError
├── ArgumentError      a parameter outside its range        (also ValueError)
├── InvalidName        a name that cannot be a dataset's    (also ValueError)
├── NotFound           no such dataset or version           (also KeyError)
├── VersionExists      versions are immutable               (also FileExistsError)
├── RecordError        a record that cannot be stored       (also TypeError)
├── PickleRefused      pickled data without permission      (also PermissionError)
├── IntegrityError     stored bytes are not what was written
├── StorageError       bytes could not be written or read   (also OSError)
│   ├── Forbidden      a store lets this user not do it     (also PermissionError)
│   ├── LeaseLost      another builder has taken over
│   └── Unreachable    a store gives no answer, or is busy  (also ConnectionError)
├── StateError         a state that belongs elsewhere       (also ValueError)
├── StreamError        a chain that cannot do what is asked (also TypeError)
├── ClosedError        used after its end                   (also RuntimeError)
├── RankError          ranks that miss each other, or differ (also RuntimeError)
├── WorkerError        a worker died again and again        (also RuntimeError)
└── MissingExtra       an optional package is not installed (also ImportError)
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable
from typing import SupportsIndex


class HeadraceError(Exception):
    """The root of all errors that headrace raises itself."""


class ArgumentError(HeadraceError, ValueError):
    """A parameter lies outside what is accepted."""


class InvalidName(HeadraceError, ValueError):
    """A dataset or version name that could not be a plain key."""


class NotFound(HeadraceError, KeyError):
    """No such dataset or version."""

    def __str__(self) -> str:
        # KeyError prints the repr of its argument; a sentence reads better plain.
        return str(self.args[0]) if self.args else ""


class VersionExists(HeadraceError, FileExistsError):
    """The version is there already, and versions are immutable."""


class RecordError(HeadraceError, TypeError):
    """A record cannot be stored, or differs from those before it."""


class PickleRefused(HeadraceError, PermissionError):
    """Pickled data were met where nobody allowed them."""


class IntegrityError(HeadraceError):
    """Stored bytes are not those that were written."""


class StorageError(HeadraceError, OSError):
    """Bytes could not be written or read."""


class Forbidden(StorageError, PermissionError):
    """A store does not let this user do it, or does not know who asks."""


class LeaseLost(StorageError):
    """Another builder took the lease over, so that nothing may be published any more."""


class Unreachable(StorageError, ConnectionError):
    """A store gives no answer within its time, or only that it is busy or broken."""


class StateError(HeadraceError, ValueError):
    """A saved state belongs to another chain, dataset or format."""


class StreamError(HeadraceError, TypeError):
    """A chain cannot do what is asked of it."""


class ClosedError(HeadraceError, RuntimeError):
    """A loader or cursor was used after its end."""


class RankError(HeadraceError, RuntimeError):
    """Ranks miss each other, or do not do the same."""


class WorkerError(HeadraceError, RuntimeError):
    """A worker died several times over the same task, or before it had begun."""


class MissingExtra(HeadraceError, ImportError):
    """An optional package is needed and not installed."""


def whole(name: str, value: object, *, least: int, remedy: str) -> int:
    """`value` as an int of at least `least`.

    Raises:
        ArgumentError: it is no integer, a bool, or too small.
    """
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        number = operator.index(value)
        if number >= least:
            return number
    raise ArgumentError(
        f"{name} must be a whole number of at least {least}, got {value!r}. {remedy}"
    )


def seed_value(value: object) -> int:
    """`value` as a seed: any int of at most 64 bits, negative ones included.

    Raises:
        ArgumentError: it is something else, NaN and floats among it.
    """
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        number = operator.index(value)
        if -(2**63) <= number < 2**64:
            return number
    raise ArgumentError(
        f"a seed must be a whole number of at most 64 bits, got {value!r}. "
        "Give an int such as 7; the same int gives the same order again."
    )


def near(name: str, known: Iterable[str]) -> str:
    """A sentence that lists the known names, the nearest to `name` first."""
    names = list(known)
    if not names:
        return "There is none yet."
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    rest = [other for other in names if other not in close]
    # Ten names fit on a line or two; more would hide the near ones.
    listed = ", ".join(repr(other) for other in (close + rest)[:10])
    return f"Did you mean one of {listed}?"
