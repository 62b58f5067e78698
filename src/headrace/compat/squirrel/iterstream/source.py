"""Where a chain begins: an iterable, several of them at random, the files under an address."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from headrace.compat.squirrel.iterstream.base import Composable
from headrace.compat.squirrel.iterstream.chaining import Parts, parts_of, stream_of
from headrace.compat.squirrel.iterstream.paths import FilePathGenerator
from headrace.compat.squirrel.iterstream.seeds import Generator, Seed, seed_of
from headrace.contracts.errors import ArgumentError
from headrace.mixing import mix

__all__ = ["FilePathGenerator", "IterableSamplerSource", "IterableSource"]

# Any, in this file: records pass through untyped, as in the original.
# How far probabilities may be from a sum of 1: they are rounded.
TOLERANCE = 1e-6


class IterableSource(Composable):
    """The records of an iterable, or of what a function gives. It is `hr.stream`.

    A function is called anew for each epoch. Lists, ranges, arrays and other sequences have
    random access, and so has a `DataRef`: they are shuffled and split without being read.

    Example:
        >>> IterableSource([1, 2, 3]).map(lambda x: x + 1).filter(lambda x: x % 2 == 0).collect()
        [2, 4]
    """

    def __init__(self, source: Iterable[Any] | Callable[[], Iterable[Any]] = ()) -> None:
        super().__init__(source)

    def as_parts(self) -> Parts:
        """The chain as headrace sees it."""
        return parts_of(self.source)


class IterableSamplerSource(Composable):
    """The records of several iterables, in turns at random. It is `hr.mix` with stop="all".

    Turns come in the proportions of `probs`, evenly without; those that have ended are passed
    over. `rng` is drawn from once, for a seed.

    Raises:
        ArgumentError: `probs` are not one a source, not above 0, or do not sum to 1.

    Example:
        >>> sorted(IterableSamplerSource([[1, 2, 3], [10, 20]], probs=[0.7, 0.3]).collect())
        [1, 2, 3, 10, 20]
    """

    def __init__(
        self,
        iterables: Sequence[Iterable[Any]],
        probs: Sequence[float] | None = None,
        rng: Generator | None = None,
        seed: Seed = None,
    ) -> None:
        super().__init__(())
        self.iterables = list(iterables)
        self.probs = None if probs is None else _checked(list(probs), len(self.iterables))
        self._seed = seed_of(rng, seed)

    @property
    def chain_members(self) -> list[Any]:
        """What it draws from."""
        return self.iterables

    def as_parts(self) -> Parts:
        """The chain as headrace sees it."""
        if not self.iterables:
            return parts_of(())
        streams = [stream_of(one) for one in self.iterables]
        return Parts(mix(streams, self.probs, seed=self._seed, stop="all").node)


def _checked(probs: list[float], count: int) -> list[float]:
    is_one = len(probs) == count and math.isclose(math.fsum(probs), 1, abs_tol=TOLERANCE)
    if not is_one or not all(one > 0 for one in probs):
        raise ArgumentError(
            f"probs must be {count} numbers above 0 that sum to 1, one for each iterable, got "
            f"{probs!r}. Divide them by their sum; leave out what is never drawn from."
        )
    return probs
