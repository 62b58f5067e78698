"""Streams changed before a loader runs them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from headrace.contracts import Run
from headrace.contracts.errors import ArgumentError
from headrace.engine import Chain, lint
from headrace.stages.naming import name_of
from headrace.streams import Stream

# Any, in this file: an adapter may change the type of the records.
logger = logging.getLogger("headrace")

Adapter = Callable[[Stream[Any]], Stream[Any]]


def adapted(stream: Stream[Any], adapters: Sequence[Adapter]) -> Stream[Any]:
    """The stream that the adapters make of this one, in order.

    Raises:
        ArgumentError: one is no function, or gives no Stream.
    """
    if callable(adapters) or not all(map(callable, adapters)):
        raise ArgumentError(
            f"adapters must be a list of functions from a Stream to a Stream, got {adapters!r}. "
            "Pass adapters=[function]."
        )
    for adapter in adapters:
        found = adapter(stream)
        if not isinstance(found, Stream):
            raise ArgumentError(
                f"an adapter must give a Stream of the Stream that it gets, and "
                f"{name_of(adapter)} gave {found!r}. Return what the last method gave, such as "
                "stream.take(100)."
            )
        stream = found
    return stream


def names_of(adapters: Sequence[Adapter]) -> list[str]:
    """The names of adapters, for people."""
    return [name_of(adapter) for adapter in adapters]


def tell(chain: Chain, run: Run) -> None:
    """Logs what is likely a mistake in the chain."""
    for one in lint(chain, run):
        logger.warning("%s", one)
