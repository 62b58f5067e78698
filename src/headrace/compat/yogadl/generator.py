"""YogaDL's generator over keys: what custom DataRefs make their streams of."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.compat.yogadl.random_state import SEEDS, RandomStateShuffled
from headrace.compat.yogadl.stream import Epochs
from headrace.contracts.errors import ArgumentError
from headrace.contracts.order import Indices
from headrace.dataref import DataRef

# Any, in this file: keys and records are of every type.


@dataclass(frozen=True, eq=False)
class KeyedRecords:
    """The records that a function gives for keys, one at a time, when they are asked for."""

    keys: Sequence[Any]
    fetch: Callable[[Any], Any]

    def __len__(self) -> int:
        return len(self.keys)

    def read(self, indices: Indices) -> list[Any]:
        """The records at `indices`."""
        return [self.fetch(self.keys[index]) for index in indices.tolist()]


class GeneratorFromKeys:
    """Gives the records of a list of keys, epoch after epoch: a `headrace.DataRef` of them.

    `instantiate_generator()` gives one epoch, the next one with each call; a Stream over it can
    be resumed, and run on threads, by its `native`. The offset is that of the first epoch; beyond
    the last key it lies in a later one.

    Raises:
        ArgumentError: a negative offset, or a shuffle after each epoch without a first one or
            without a seed.

    Example:
        >>> import headrace.compat.yogadl as yogadl
        >>> generator = yogadl.GeneratorFromKeys("abcd", 1, str.upper, True, True, 7)
        >>> ["".join(generator.instantiate_generator()) for _ in range(2)]
        ['BAD', 'CBAD']
    """

    def __init__(
        self,
        keys: Sequence[Any],
        initial_offset: int,
        read_val_from_key_fn: Callable[[Any], Any],
        shuffle_at_start: bool,
        shuffle_after_epoch: bool,
        shuffle_seed: int | None,
    ) -> None:
        ref = DataRef(KeyedRecords(keys, read_val_from_key_fn))
        if shuffle_after_epoch and not shuffle_at_start:
            raise ArgumentError(
                "shuffle_after_epoch=True was given without shuffle_at_start=True. "
                "Give both to shuffle each epoch, or neither."
            )
        if shuffle_at_start:
            seed = chosen_seed(shuffle_seed, reshuffles=shuffle_after_epoch)
            order = RandomStateShuffled(ref.order, seed, reshuffles=shuffle_after_epoch)
            ref = DataRef(ref.records, order)
        self.instantiate_generator = Epochs(ref.stream(initial_offset))


def chosen_seed(seed: int | None, *, reshuffles: bool) -> int:
    """The seed of a shuffle; where all epochs share one order, none means any.

    Raises:
        ArgumentError: a shuffle of each epoch has no seed.
    """
    if seed is not None:
        return seed
    if reshuffles:
        raise ArgumentError(
            "a shuffle of each epoch was asked for without shuffle_seed, and nobody could repeat "
            "it. Say shuffle_seed=7, or skip_shuffle_at_epoch_end=True for one order."
        )
    return secrets.randbelow(SEEDS)
