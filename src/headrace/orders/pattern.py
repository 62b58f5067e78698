"""Whose turn it is in a mix: periods in which each source has a fixed number of turns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import xxhash

from headrace.contracts.errors import seed_value
from headrace.contracts.order import Indices
from headrace.orders.keys import SECOND, Words, counters, derived, key
from headrace.orders.permutation import TABLE_SIZE, tables
from headrace.orders.weights import Counts

# A longer text is cut to its hash: it is part of every saved state.
LONGEST_TEXT = 100


@dataclass(frozen=True)
class Stretch:
    """Periods in which each source has the same number of turns.

    An entry is one turn of one source in a period: those of the first source, then those of the
    second, and so on.

    **Shape**: `counts`, `entries` (first entry of each) and `before` (turns in the stretches
    before) have one number a source; `owners` has the source of each entry.
    """

    begin: int
    period: int
    counts: Indices
    entries: Indices
    before: Indices
    owners: Indices

    @property
    def size(self) -> int:
        """How many turns a period has."""
        return len(self.owners)


@dataclass(frozen=True)
class Weighted:
    """Turns by weight: each period is a random order of its entries, another one each time.

    `counts` is what `counts_of` makes of weights. The order of a period is a function of (seed,
    epoch, number of the period).

    **Cost**: some 30 ns a turn of each period met, whether few or all of its turns are asked.
    **Raises**: ArgumentError for a seed that is no whole number of 64 bits; StreamError at first
    use where the seed is still None.
    """

    counts: Counts
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.seed is not None:
            object.__setattr__(self, "seed", seed_value(self.seed))

    def __str__(self) -> str:
        weights = ", ".join(f"{begin}={_ratio(turns)}" for begin, turns in self.counts)
        text = _ratio(self.counts[0][1]) if len(self.counts) == 1 else weights
        return f"{bounded(text)}, seed={self.seed}"

    @property
    def sources(self) -> int:
        """How many sources take turns."""
        return len(self.counts[0][1])

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """The stretches that have a period; a change waits for the end of a period."""
        found: list[Stretch] = []
        begin, period = 0, 0
        before = np.zeros(self.sources, dtype=np.int64)
        ends: list[int | None] = [end for end, _ in self.counts[1:]]
        for (_, turns), end in zip(self.counts, [*ends, None], strict=True):
            stretch = _stretch(begin, period, turns, before)
            if end is None:
                return (*found, stretch)
            periods = max(0, -(-(end - begin) // stretch.size))
            if periods:
                found.append(stretch)
            begin, period = begin + periods * stretch.size, period + periods
            before = before + periods * stretch.counts
        raise AssertionError("a schedule has an end")

    def slots(self, epoch: int, stretch: Stretch, periods: Indices) -> Indices:
        """The place of each entry in each period: shape (periods, entries).

        The entries of one source stand in their order.
        """
        words = np.uint64(key("mix", self.seed, epoch)) + np.zeros(len(periods), np.uint64)
        drawn = _tables(derived(words, periods.astype(np.uint64), SECOND), stretch.size)
        # The places of one source in their order: sorted, under the number of their source.
        width = stretch.size.bit_length()
        drawn |= stretch.owners << width
        drawn.sort(axis=1)
        drawn &= (1 << width) - 1
        return drawn


@dataclass(frozen=True)
class InTurn:
    """One turn each, in the order of the sources: round robin."""

    sources: int

    def __str__(self) -> str:
        return "in turn"

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """One stretch, whose periods are one round."""
        before = np.zeros(self.sources, dtype=np.int64)
        return (_stretch(0, 0, (1,) * self.sources, before),)

    def slots(self, epoch: int, stretch: Stretch, periods: Indices) -> Indices:
        """The place of each entry in each period: its own."""
        return np.tile(np.arange(self.sources, dtype=np.int64), (len(periods), 1))


# Which source has which turn.
Pattern: TypeAlias = Weighted | InTurn


def bounded(text: str) -> str:
    """`text` where it is short, else its beginning and a hash of it all."""
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[: LONGEST_TEXT - 20]}...{xxhash.xxh3_64_hexdigest(text.encode())}"


def _stretch(begin: int, period: int, turns: tuple[int, ...], before: Indices) -> Stretch:
    counts = np.array(turns, dtype=np.int64)
    owners = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    return Stretch(begin, period, counts, np.cumsum(counts) - counts, before, owners)


def _ratio(turns: tuple[int, ...]) -> str:
    return ":".join(str(count) for count in turns)


def _tables(keys: Words, size: int) -> Indices:
    if size <= TABLE_SIZE:
        return tables(keys, size)
    # Wider than the numbers that `tables` packs beside its hashes.
    return np.argsort(derived(keys[:, None], counters(size)), axis=1).astype(np.int64, copy=False)
