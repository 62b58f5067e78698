"""Several chains joined, in the very order that Squirrel's `Multiplexer` gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from enum import Enum
from typing import Any

import numpy as np

from headrace.compat.squirrel.iterstream.base import Composable
from headrace.compat.squirrel.iterstream.chaining import SEED, Drawing, Parts
from headrace.compat.squirrel.iterstream.restarts import END, Restarting
from headrace.contracts.errors import ArgumentError, near, whole
from headrace.engine import Chain

# Any, in this file: records pass through untyped, as in the original.
# Draws made at once: they are the same as so many single ones, and cost a fraction.
DRAWS = 1024


class MultiplexingStrategy(Enum):
    """How a Multiplexer chooses whose record comes next."""

    ROUND_ROBIN = "RoundRobin"
    UNIFORM_WITH_REPLACEMENT = "uniform_with_replacement"
    SAMPLING = "sampling"


class Multiplexer(Composable):
    """The records of several chains, in turn or drawn at random.

    ROUND_ROBIN gives one of each in turn, each chain once. The others draw: a chain that has
    ended begins again, in its next epoch, until each has done so or one has `max_reinits` times.
    Chains whose probability is not above `proba_threshold` are left out.

    The draws are Squirrel's own, `RandomState(MT19937(seed))`, in the first epoch; each later one
    has draws and counts of its own. `hr.mix` keeps proportions exactly at any place, and resumes
    without drawing again.

    Raises:
        ArgumentError: an unknown strategy, probabilities that are not one a chain, or
            `max_reinits` below 1.

    Example:
        >>> from headrace.compat.squirrel.iterstream import IterableSource
        >>> chains = [IterableSource([1, 2, 3]), IterableSource([10])]
        >>> Multiplexer(chains, MultiplexingStrategy.ROUND_ROBIN).collect()
        [1, 10, 2, 3]
    """

    def __init__(
        self,
        composables: Sequence[Composable],
        mux_strategy: MultiplexingStrategy,
        sampling_probas: Sequence[float] | None = None,
        max_reinits: int | None = None,
        seed: int | None = None,
        proba_threshold: float = 1e-3,
        **kwargs: Any,
    ) -> None:
        super().__init__(list(composables))
        self.mux_strategy = _checked_strategy(mux_strategy)
        self.composables = list(composables)
        self.sampling_probas: list[float] | None = None
        is_sampling = mux_strategy is MultiplexingStrategy.SAMPLING
        if is_sampling or (sampling_probas is not None and not self._is_in_turn):
            self._choose(sampling_probas, proba_threshold)
        if max_reinits is not None:
            remedy = "It is how often a chain may begin again; leave it out for no bound."
            whole("max_reinits", max_reinits, least=1, remedy=remedy)
        self.max_reinits = max_reinits
        remedy = "The same seed gives the same draws again."
        self._seed = SEED if seed is None else whole("seed", seed, least=0, remedy=remedy)
        self._num_samples = [0] * len(self.composables)
        self._reinit_counts: list[int] = []

    @property
    def chain_members(self) -> list[Composable]:
        """What it draws from."""
        return self.composables

    @property
    def reinit_counts(self) -> list[int]:
        """How often each chain has begun again in the newest epoch; empty before one has."""
        return self._reinit_counts

    @property
    def num_samples(self) -> list[int]:
        """How many records each chain has given in the newest epoch."""
        return self._num_samples

    def as_parts(self) -> Parts:
        """The chain as headrace sees it."""
        return Parts(Chain(Drawing(self._drawn, f"{len(self.composables)} chains")))

    @property
    def _is_in_turn(self) -> bool:
        return self.mux_strategy is MultiplexingStrategy.ROUND_ROBIN

    def _choose(self, probas: Sequence[float] | None, threshold: float) -> None:
        """Leaves out chains that are hardly ever drawn, and has the others' sum be 1."""
        if probas is None or len(probas) != len(self.composables):
            raise ArgumentError(
                f"sampling_probas must be {len(self.composables)} numbers, one for each chain, got "
                f"{probas!r}. For equal ones take MultiplexingStrategy.UNIFORM_WITH_REPLACEMENT."
            )
        given = np.asarray(probas, dtype=np.float64)
        kept = np.flatnonzero(given > threshold)
        self.composables = [self.composables[number] for number in kept]
        self.sampling_probas = (given[kept] / given[kept].sum()).tolist()

    def _drawn(self, epoch: int) -> Iterator[Any]:
        self._num_samples = [0] * len(self.composables)
        self._reinit_counts = []
        with ExitStack() as closing:
            chains = [Restarting(one, epoch) for one in self.composables]
            for chain in chains:
                closing.callback(chain.close)
            numbers = self._turns(chains) if self._is_in_turn else self._draws(epoch)
            for number in numbers:
                record = chains[number].next()
                if record is not END:
                    self._num_samples[number] += 1
                    yield record
                elif not self._is_in_turn and chains[number].begin_again():
                    self._reinit_counts = [chain.reinits for chain in chains]
                    if min(self._reinit_counts) or max(self._reinit_counts) == self.max_reinits:
                        return

    def _turns(self, chains: Sequence[Restarting]) -> Iterator[int]:
        left = list(range(len(chains)))
        while left := [number for number in left if not chains[number].has_ended]:
            yield from left

    def _draws(self, epoch: int) -> Iterator[int]:
        if not self.composables:
            return
        key = [self._seed, epoch] if epoch else self._seed
        draws = np.random.RandomState(np.random.MT19937(key))
        is_sampling = self.mux_strategy is MultiplexingStrategy.SAMPLING
        probas = self.sampling_probas if is_sampling else None
        while True:
            yield from draws.choice(len(self.composables), DRAWS, p=probas).tolist()


def _checked_strategy(strategy: Any) -> MultiplexingStrategy:
    if isinstance(strategy, MultiplexingStrategy):
        return strategy
    raise ArgumentError(
        f"mux_strategy must be a MultiplexingStrategy, got {strategy!r}. "
        + near(str(strategy), [str(one) for one in MultiplexingStrategy])
    )
