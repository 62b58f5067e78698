"""Records of one pipe dealt out by weight, and of several pipes mixed by weight."""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.drawing import one_pass
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.iter.trunk import Trunk, opened
from headrace.contracts.errors import ArgumentError, NotFound, StreamError, near, whole

# Any, in this file: records and seeds of every type.


@functional_datapipe("random_split")
class RandomSplitter(IterDataPipe[Any]):
    """Pipes, one a key of `weights`, or that of `target`: `stream.through`.

    Each record is in one of them; which, the seed alone says, in every epoch. Pipes of one split
    can be read at the same time.

    Raises:
        ArgumentError: there are no weights, not all are above 0, or the seed is None.
        StreamError: `total_length` is not given and the pipe has no length; when it is read, there
            are more records.
        NotFound: `target` is no key of the weights.
    """

    def __new__(  # type: ignore[misc] # the original gives a list
        cls,
        source_datapipe: IterDataPipe[Any],
        weights: Mapping[Any, float],
        seed: Any,
        total_length: int | None = None,
        target: Hashable | None = None,
    ) -> list[SplitterIterator] | SplitterIterator:
        """The pipes of the split."""
        total = _length_of(source_datapipe) if total_length is None else total_length
        remedy = "Leave it out for the length of the pipe."
        total = whole("total_length", total, least=0, remedy=remedy)
        chances = Chances(_checked(weights), total, _said(seed))
        trunk = Trunk(source_datapipe)
        if target is None:
            return [SplitterIterator(trunk, chances, key) for key in weights]
        if target not in weights:
            raise NotFound(
                f"`target={target}` does not match any key in `weights`. "
                f"{near(str(target), map(str, weights))}"
            )
        return SplitterIterator(trunk, chances, target)


class SplitterIterator(IterDataPipe[Any]):
    """One part of a split."""

    def __init__(self, main_datapipe: Trunk, chances: Chances, target: Hashable) -> None:
        self.main_datapipe = main_datapipe
        self.chances = chances
        self.target = target
        self._given = 0

    def override_seed(self, seed: Any) -> SplitterIterator:
        """Splits otherwise from the next iteration on, for all parts."""
        self.chances.seed = _said(seed)
        return self

    def stream(self) -> hr.Stream[Any]:
        """`stream.through`."""
        return self.main_datapipe.stream().through(self._part())

    def __iter__(self) -> Iterator[Any]:
        if "_run" in vars(self):
            yield from one_pass(self, self.stream())
            return
        before, run, self._given = self.main_datapipe.pass_after(self._given)
        yield from opened(before.through(self._part()), run)

    def _part(self) -> PartOf:
        chances = self.chances
        return PartOf(self.target, tuple(chances.weights.items()), chances.total, chances.seed)

    def __len__(self) -> int:
        weights, total = self.chances.weights, self.chances.total
        lengths = dict(zip(weights, scaled(list(weights.values()), total), strict=True))
        if all(length.is_integer() for length in lengths.values()):
            return int(lengths[self.target])
        raise StreamError(
            "Lengths of the split cannot be known in advance: the weights are "
            f"{list(weights.values())} of {total} records. Supply integer `weights` "
            "that sum up to `total_length`, or .set_length(n)."
        )


@dataclass
class Chances:
    """What the parts of one split have in common; a new seed counts for all of them."""

    weights: dict[Any, float]
    total: int
    seed: Any


@dataclass(frozen=True)
class PartOf:
    """Gives the records of one part.

    The chance of a part falls with each record that it gets, so that the parts come out as the
    weights say.
    """

    target: Hashable
    weights: tuple[tuple[Hashable, float], ...]
    total: int
    seed: Any

    def __call__(self, records: Iterator[Any]) -> Iterator[Any]:
        draws = random.Random(self.seed)
        keys = [key for key, _ in self.weights]
        left = scaled([weight for _, weight in self.weights], self.total)
        remaining = self.total
        places = range(len(keys))
        for record in records:
            if not remaining:
                raise _too_many(self.total)
            place = draws.choices(places, left)[0]
            remaining -= 1
            left[place] -= 1
            if left[place] < 0:
                left[place] = 0
                left = scaled(left, remaining)
            if keys[place] == self.target:
                yield record


class SampleMultiplexer(IterDataPipe[Any]):
    """Records of several pipes by weight, until all have ended: `stream.mix`.

    The shares are exact in each period of some hundreds, and a function of the seed and the
    epoch. Without a seed a DataLoader's counts, the same on every rank.

    Raises:
        ArgumentError: there are no pipes, or not all weights are above 0.
    """

    def __init__(self, pipes_to_weights_dict: Mapping[Any, float], seed: int | None = None) -> None:
        weights = _checked(pipes_to_weights_dict)
        self.datapipes = list(weights)
        self.weights = list(weights.values())
        self.seed = seed

    def set_seed(self, seed: int) -> SampleMultiplexer:
        """The seed of the next iteration, where none was given for all."""
        self._seed = seed
        return self

    def stream(self) -> hr.Stream[Any]:
        """`stream.mix`."""
        first, *others = map(stream_of, self.datapipes)
        seed = self._seed if self.seed is None else self.seed
        return first.mix(*others, weights=self.weights, seed=seed, stop="all")


def scaled(weights: list[float], total: int) -> list[float]:
    """Weights that sum to a number."""
    whole_weight = sum(weights)
    return [float(weight) * total / whole_weight for weight in weights]


def _checked(weights: Mapping[Any, float]) -> dict[Any, float]:
    if not weights or not all(weight > 0 for weight in weights.values()):
        raise ArgumentError(
            f"Expecting a positive and non-zero weight for each, got {list(weights.values())}. "
            "Leave out what shall have no share."
        )
    return dict(weights)


def _said(seed: Any) -> Any:
    if seed is None:
        raise ArgumentError(
            "random_split needs a seed, got None: each part would draw another split, and records "
            "would be in several or in none. A number was expected. Pass seed=0."
        )
    return seed


def _too_many(total: int) -> StreamError:
    return StreamError(
        f"random_split read more records than total_length={total}. That number was expected, "
        "since the weights are shares of it. Pass the number of records."
    )


def _length_of(pipe: IterDataPipe[Any]) -> int:
    try:
        return len(pipe)
    except TypeError as error:
        raise StreamError(
            "RandomSplitter needs `total_length`, but it is unable to infer it from the "
            f"`source_datapipe`: {pipe!r}. Pass total_length=."
        ) from error
