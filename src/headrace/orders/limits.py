"""Where each source of a mix ends: how many turns it takes, by arithmetic on lengths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, TypeAlias

from headrace.contracts.errors import ArgumentError, near, whole
from headrace.orders.bounds import INFINITE
from headrace.orders.pattern import InTurn, Pattern, Stretch

Stop: TypeAlias = Literal["first", "all", "cycle"]
STOPS: tuple[Stop, ...] = ("first", "all", "cycle")

# A moment in a mix: the period, and which share of it is over, above 0.
_Moment: TypeAlias = tuple[int, Fraction]


def check_stop(stop: object, max_repeats: object, known: Sequence[Stop] = STOPS) -> None:
    """Refuses an end that is not known, or a cap on passes that there are not.

    Raises:
        ArgumentError: `stop` is unknown, or `max_repeats` below 1 or without "cycle".
    """
    if stop not in known:
        raise ArgumentError(
            f"stop {stop!r} is unknown. One of {', '.join(known)} was expected. "
            f"{near(str(stop), known)}"
        )
    if max_repeats is None:
        return
    if stop != "cycle":
        raise ArgumentError(
            f"max_repeats={max_repeats!r} was given with stop={stop!r}, which repeats nothing. "
            'It belongs to stop="cycle". Leave it out, or say stop="cycle".'
        )
    remedy = "Give how often a source may be used, or leave it out for no limit."
    whole("max_repeats", max_repeats, least=1, remedy=remedy)


def limits_of(
    pattern: Pattern, lengths: Sequence[int], stop: Stop, max_repeats: int | None
) -> list[int]:
    """How many turns each source takes in all, INFINITE where it has no end.

    Turns beyond these are passed over.
    """
    passes = 1 if stop != "cycle" else max_repeats
    reaches = [_reach(pattern, source) for source in range(pattern.sources)]
    caps = [
        min(reach, INFINITE if passes is None and length else length * (passes or 0))
        for reach, length in zip(reaches, lengths, strict=True)
    ]
    # Those that have turns, and enough of them to be seen whole.
    waited = [s for s, reach in enumerate(reaches) if reach and lengths[s] <= reach]
    if stop == "cycle":
        is_endless = any(lengths[source] >= INFINITE for source in waited)
        return caps if is_endless else _last_end(pattern, lengths, waited, caps)
    waited = [source for source in waited if lengths[source] < INFINITE]
    return caps if stop == "all" else _first_end(pattern, lengths, waited, caps)


def _last_end(
    pattern: Pattern, lengths: Sequence[int], waited: list[int], caps: list[int]
) -> list[int]:
    """The limits where each of the sources waited for has been seen whole."""
    if not waited:
        return caps
    last = max(_moment(pattern, source, lengths[source]) for source in waited)
    return [min(cap, math.ceil(_turns(pattern, s, last))) for s, cap in enumerate(caps)]


def _first_end(
    pattern: Pattern, lengths: Sequence[int], waited: list[int], caps: list[int]
) -> list[int]:
    """The limits where the first of the sources waited for is used up."""
    if not waited:
        return caps
    if isinstance(pattern, InTurn):
        # Round robin ends where the turn comes to a source that has no more.
        least, first = min((lengths[source], source) for source in waited)
        return [min(cap, least + (source < first)) for source, cap in enumerate(caps)]
    end = min(_moment(pattern, source, lengths[source]) for source in waited)
    return [min(cap, math.floor(_turns(pattern, s, end))) for s, cap in enumerate(caps)]


def _reach(pattern: Pattern, source: int) -> int:
    """How many turns a source can ever have: its weight may fall to 0."""
    last = pattern.stretches[-1]
    return INFINITE if last.counts[source] else int(last.before[source])


def _moment(pattern: Pattern, source: int, turns: int) -> _Moment:
    """When a source has had so many turns, if those of a period are spread evenly over it."""
    if not turns:
        return -1, Fraction(1)
    stretch = next(one for one in reversed(pattern.stretches) if one.before[source] < turns)
    count, left = int(stretch.counts[source]), turns - int(stretch.before[source])
    periods = (left - 1) // count
    return stretch.period + periods, Fraction(left - periods * count, count)


def _turns(pattern: Pattern, source: int, moment: _Moment) -> Fraction:
    """How many turns a source has had at a moment, if they are spread evenly over a period."""
    period, share = moment
    stretch = _stretch_at(pattern.stretches, max(0, period))
    count = int(stretch.counts[source])
    return int(stretch.before[source]) + (period - stretch.period) * count + count * share


def _stretch_at(stretches: tuple[Stretch, ...], period: int) -> Stretch:
    return next(one for one in reversed(stretches) if one.period <= period)
