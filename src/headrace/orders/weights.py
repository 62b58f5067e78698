"""Weights as whole numbers of turns in a period: what a mix repeats."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from headrace.contracts.errors import ArgumentError, whole

# Any: numbers of every kind, NumPy's among them.
Weights: TypeAlias = "Sequence[Any] | Mapping[int, Sequence[Any]]"

# Turns of the sources, one number a source, from a position on.
Counts: TypeAlias = tuple[tuple[int, tuple[int, ...]], ...]

# A period of some hundreds looks random; a period of ten would look like round robin.
PERIOD_TURNS = 256
# Up to so many, proportions are exact; others are rounded to a thousandth of the whole. Who asks
# single positions pays for whole periods, so they are no longer.
LONGEST_PERIOD = 1_024
# Many sources have longer ones, so that rounding stays small: so many turns each on the average.
TURNS_A_SOURCE = 4


def counts_of(weights: Weights | None, sources: int) -> Counts:
    """The turns of each of `sources` in a period, and from which position on.

    Weights need not sum to 1. Those with a small common denominator keep their proportions
    exactly; others are rounded by largest remainder to 1,024 turns (to 4 a source where these are
    more), with at least one for each weight above 0.

    Raises:
        ArgumentError: a weight is negative or no finite number, all are 0, there is not one for
            each source, or positions of a schedule are negative or do not begin with 0.
    """
    if weights is None:
        return ((0, _turns([Fraction(1)] * sources)),)
    if not isinstance(weights, Mapping):
        return ((0, _turns(_fractions(weights, sources))),)
    remedy = "Positions are counted from 0."
    begins = {
        whole("a position of a weight schedule", begin, least=0, remedy=remedy): chosen
        for begin, chosen in weights.items()
    }
    if 0 not in begins:
        raise ArgumentError(
            f"a weight schedule got the positions {sorted(begins)[:10]}. The first must be 0. "
            "Say the weights to begin with: {0: [1, 1], 10_000: [3, 1]}."
        )
    return tuple((begin, _turns(_fractions(begins[begin], sources))) for begin in sorted(begins))


def _fractions(weights: object, sources: int) -> list[Fraction]:
    if not isinstance(weights, Iterable) or isinstance(weights, str | bytes | Mapping):
        raise ArgumentError(
            f"weights must be a list of numbers, got {weights!r}. Give one number a source, "
            "such as [0.7, 0.3], or {position: [...]} for a schedule."
        )
    given = list(weights)
    if len(given) != sources:
        raise ArgumentError(
            f"{len(given)} weights were given for {sources} sources. Give one for each, in their "
            "order; 0 leaves a source out."
        )
    fractions = [weight_of(weight) for weight in given]
    if not any(fractions):
        raise ArgumentError(
            f"all {len(given)} weights are 0. At least one above 0 was expected. "
            "Leave the weights out to mix evenly."
        )
    return fractions


def weight_of(weight: object) -> Fraction:
    """One weight, exactly as it is written.

    Raises:
        ArgumentError: it is negative or no finite number.
    """
    exact = None
    if isinstance(weight, bool):
        pass
    elif isinstance(weight, numbers.Rational):
        exact = Fraction(int(weight.numerator), int(weight.denominator))
    elif isinstance(weight, float | np.floating) and math.isfinite(weight):
        # The decimal as written: 0.7, 0.2 and 0.1 are 7 to 2 to 1.
        exact = Fraction(str(weight))
    if exact is not None and exact >= 0:
        return exact
    raise ArgumentError(
        f"a weight must be a finite number of at least 0, got {weight!r}. "
        "Weights need not sum to 1: give [3, 1], or [0.75, 0.25]."
    )


def _turns(weights: list[Fraction]) -> tuple[int, ...]:
    scale = math.lcm(*(weight.denominator for weight in weights))
    numerators = [int(weight * scale) for weight in weights]
    common = math.gcd(*numerators)
    exact = [numerator // common for numerator in numerators]
    longest = max(LONGEST_PERIOD, TURNS_A_SOURCE * sum(1 for weight in weights if weight))
    if sum(exact) > longest:
        return _rounded(exact, longest)
    times = -(-PERIOD_TURNS // sum(exact))
    return tuple(turns * times for turns in exact)


def _rounded(weights: list[int], size: int) -> tuple[int, ...]:
    """By largest remainder; weights below one turn get one all the same."""
    total = sum(weights)
    turns = [max(weight * size // total, int(weight > 0)) for weight in weights]
    missing = max(0, size - sum(turns))
    by_remainder = sorted(
        range(len(turns)), key=lambda source: turns[source] * total - weights[source] * size
    )
    for source in by_remainder[:missing]:
        turns[source] += 1
    return tuple(turns)
