"""Hashed keys: every random choice of an order is a function of (purpose, seed, epoch)."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import xxhash

from headrace.contracts.errors import StreamError

Words: TypeAlias = npt.NDArray[np.uint64]

# The odd step of SplitMix64: 2**64 divided by the golden ratio.
GOLDEN = 0x9E3779B97F4A7C15
# An odd step of its own for the second of two nested counters, so that they cannot cancel out.
SECOND = 0xD1342543DE82EF95
# Wide enough for a seed in -2**63..2**64 and for any epoch that `repeat` multiplies.
_NUMBER_BYTES = 16


def key(purpose: str, seed: int | None, epoch: int, size: int = 0) -> int:
    """A 64-bit key: neighbouring seeds, epochs, sizes and purposes give unrelated ones.

    Raises:
        StreamError: there is no seed.
    """
    if seed is None:
        raise StreamError(
            f"a {purpose} order needs a seed, got None. A whole number was expected. "
            "Give `seed=` where it is shuffled, or seed the loader."
        )
    numbers = (seed, epoch, size)
    packed = b"".join(number.to_bytes(_NUMBER_BYTES, "little", signed=True) for number in numbers)
    return xxhash.xxh3_64_intdigest(purpose.encode() + b"\0" + packed)


def derived(keys: Words, numbers: Words, step: int = GOLDEN) -> Words:
    """A key for each (key, number): broadcasts, and differs for each number of one key.

    **Source**: the output function of SplitMix64, Steele, Lea & Flood 2014, "Fast Splittable
    Pseudorandom Number Generators" (constants: Stafford's variant 13).
    """
    words = numbers * np.uint64(step) + keys
    words ^= words >> np.uint64(30)
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


def counters(count: int, start: int = 0) -> Words:
    """The numbers start, start + 1, ... as words."""
    return np.arange(start, start + count, dtype=np.uint64)
