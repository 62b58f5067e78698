"""Random disjoint parts of a dataset: training, validation, test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate

import numpy as np

from headrace.contracts.errors import ArgumentError, seed_value
from headrace.contracts.order import Order
from headrace.orders.pinned import Pinned
from headrace.orders.range import Range
from headrace.orders.shuffled import Shuffled
from headrace.orders.slice import Slice

# Fractions of single precision add up to a little more than 1; what is above 1 is scaled down.
TOLERANCE = 1e-6


def split(size: int, fractions: Sequence[float], seed: int) -> tuple[Order, ...]:
    """One order for each fraction of `size` records: random, disjoint, the same in each epoch.

    Sizes are the fractions rounded by largest remainder, so that fractions of 1 in all leave
    nothing out. The parts keep a fixed random order; shuffle a part to mix it each epoch.

    **Raises**: ArgumentError for a fraction below 0 or a sum above 1, NaN among it.

    >>> [part.count(0) for part in split(10, (0.8, 0.1, 0.1), seed=7)]
    [8, 1, 1]
    """
    whole = Pinned(Shuffled(Range(size), seed_value(seed)))
    sizes = _sizes(whole.count(0), [_fraction(fraction) for fraction in fractions])
    stops = list(accumulate(sizes))
    return tuple(Slice(whole, stop - size, stop) for size, stop in zip(sizes, stops, strict=True))


def _fraction(given: object) -> Fraction:
    if isinstance(given, (int, float, np.floating)) and not isinstance(given, bool):
        share = float(given)
        # False for NaN too.
        if 0 <= share <= 1:
            # The decimal as written: 0.29 of 100 is 29, not 28.999999999999996.
            return Fraction(repr(share))
    raise ArgumentError(
        f"a split got the fraction {given!r}. A number from 0 to 1 was expected. "
        "Give each part as its share of the whole, such as 0.8."
    )


def _sizes(size: int, fractions: list[Fraction]) -> list[int]:
    total = sum(fractions, Fraction())
    if total > 1 + TOLERANCE:
        raise ArgumentError(
            f"a split got fractions of {float(total):g} in all. At most 1 was expected. "
            "Make the parts smaller; what is left over belongs to no part."
        )
    shares = [fraction * size / max(total, Fraction(1)) for fraction in fractions]
    sizes = [math.floor(share) for share in shares]
    missing = round(sum(shares, Fraction())) - sum(sizes)
    by_remainder = sorted(range(len(sizes)), key=lambda part: sizes[part] - shares[part])
    for part in by_remainder[:missing]:
        sizes[part] += 1
    return sizes
