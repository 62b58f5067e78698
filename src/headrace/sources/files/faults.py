"""What is wrong in a file: raised where it is met, or left out, counted and told."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias, TypeVar

from headrace.contracts.errors import ArgumentError, IntegrityError, RecordError

T = TypeVar("T")

OnError: TypeAlias = Literal["raise", "skip"]

logger = logging.getLogger("headrace")


def checked_policy(on_error: str) -> None:
    """Raises ArgumentError unless `on_error` is one of the policies."""
    if on_error not in ("raise", "skip"):
        raise ArgumentError(
            f'on_error must be "raise" or "skip", got {on_error!r}. '
            'Take "skip" to leave out what cannot be read.'
        )


class Faults:
    """What was wrong during one pass over files."""

    def __init__(self, on_error: OnError) -> None:
        self._on_error = on_error
        self._first: RecordError | IntegrityError | None = None
        self._count = 0

    def meet(self, error: RecordError | IntegrityError) -> None:
        """Raises the error, or counts it."""
        if self._on_error == "raise":
            raise error
        self._first = self._first or error
        self._count += 1

    def tell(self) -> None:
        """Logs how much was left out, at the end of a pass that left out anything."""
        if self._first is not None:
            logger.warning("%d left out; the first: %s", self._count, self._first)


def block_of(records: Iterable[T]) -> Iterator[list[T]]:
    """The records as a block; what is wrong in them is raised after those before it."""
    block: list[T] = []
    failure: RecordError | None = None
    try:
        # extend leaves what it had added when the iterator raises.
        block.extend(records)
    except RecordError as error:
        failure = error
    if block:
        yield block
    if failure is not None:
        raise failure
