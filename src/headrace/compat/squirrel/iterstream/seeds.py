"""Seeds as Python's `random` takes them, as one of headrace's."""

from __future__ import annotations

import random
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from headrace.contracts.errors import ArgumentError

Seed: TypeAlias = "int | float | str | bytes | bytearray | None"
# A seed of headrace has 64 bits, one of them for the sign.
BITS = 63


@runtime_checkable
class Generator(Protocol):
    """The `random` module, or a `random.Random`."""

    def getrandbits(self, k: int, /) -> int:
        """So many random bits."""
        ...


def seed_of(rng: Generator | None, seed: Seed) -> int | None:
    """The seed that these two say: None where neither is given.

    A generator is drawn from once, and never seeded.

    Raises:
        ArgumentError: `rng` is no generator of Python's, or `seed` of another type.
    """
    if rng is not None and not isinstance(rng, Generator):
        raise ArgumentError(
            f"rng must be the random module or a random.Random, got {type(rng).__name__}. Give "
            "seed=7 instead, which gives the same order again."
        )
    if type(seed) is int and -(2**BITS) <= seed < 2**BITS:
        return seed
    if seed is not None:
        return _hashed(seed)
    return None if rng is None else rng.getrandbits(BITS)


def _hashed(seed: Any) -> int:  # Any: whatever the user gave
    try:
        return random.Random(cast(Seed, seed)).getrandbits(BITS)
    except TypeError as error:
        raise ArgumentError(
            f"a seed must be a number, text or bytes, got {seed!r}. Give an int such as 7."
        ) from error
