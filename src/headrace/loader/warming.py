"""The look-ahead of an epoch, begun before its first batch is asked for."""

from __future__ import annotations

import time

from headrace.contracts import LooksAhead
from headrace.contracts.errors import ArgumentError
from headrace.contracts.node import Shared
from headrace.executors import Ahead

# How often it looks whether all is there; nothing computes in this thread meanwhile.
LOOK_SECONDS = 0.01


def seconds_of(seconds: object) -> float:
    """How long to wait; None is not at all.

    Raises:
        ArgumentError: it is no number from 0.
    """
    if seconds is None:
        return 0.0
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds >= 0:
        return float(seconds)
    raise ArgumentError(
        f"a warm-up takes seconds, a number from 0, got {seconds!r}. "
        "Give the longest time to wait, such as 5.0; it ends when all that may be ahead is there."
    )


def warmed(shared: Shared, seconds: float) -> None:
    """Begins all that looks ahead; returns when it is there, or after so many seconds."""
    until = time.monotonic() + seconds
    begun: set[LooksAhead] = set()
    # To begin one may open others.
    while fresh := set(_first(shared.looking_ahead())) - begun:
        for one in fresh:
            one.begin()
        begun |= fresh
    while time.monotonic() < until:
        if all(one.is_settled() for one in shared.looking_ahead()):
            return
        time.sleep(min(LOOK_SECONDS, max(0.0, until - time.monotonic())))


def _first(parts: list[LooksAhead]) -> list[LooksAhead]:
    # What runs in a thread of its own draws from what is before it, and has to be alone there.
    threads: list[LooksAhead] = [one for one in parts if isinstance(one, Ahead)]
    return threads or parts
