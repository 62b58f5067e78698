"""`mix`: several streams in turns, by weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.contracts import Node, Visit
from headrace.orders import Stop, Weighted, Weights, check_stop, counts_of
from headrace.stages.turns import MixedChains, reordered
from headrace.stages.turns_cursor import Rule

# Any, in this file: a stage is met before its record types are known.


def mixing(
    others: tuple[Node[Any], ...],
    *,
    weights: Weights | None = None,
    seed: int | None = None,
    stop: Stop = "first",
    max_repeats: int | None = None,
) -> Mix:
    """Gives records of this stream and of others, in turns by weight.

    Weights need not sum to 1, and None mixes evenly. Turns come in periods of some hundreds, in
    each of which every stream has its exact share, in a random order; proportions hold at any
    place, not only on the average. A schedule `{0: [1, 1], 10_000: [3, 1]}` changes the weights
    at the first end of a period from each position on. Positions count turns, those that a
    stream no longer takes included. The turns are a function of the seed and the epoch; None
    takes the loader's seed.

    `stop` says when it ends. "first": with the first stream that is used up. "all": with the
    last; the turns of those that are used up are passed over, which keeps the proportions of the
    others. "cycle": when each was seen whole once; those that are used up begin again, shuffled
    anew, at most `max_repeats` times in all. A stream of weight 0 is never read or waited for.
    An empty stream ends "first" at once; otherwise it is passed over.

    Datasets in their orders, with no function applied yet, are mixed by position: any of them is
    reached in one step. Other chains are read side by side, each opened at its first turn, none
    with a thread of its own. Where all lengths are known, both give the same sequence, and the
    last period of "first" and "cycle" gives each stream its share up to the end. Where one is
    not, "first" and "cycle" end when a record is wanted of a stream that has no more.

    **Length**: by arithmetic on the lengths. **State**: none, or the turn and the state of each
    stream. **Cost** of a resume: that of resuming each stream.

    Raises:
        ArgumentError: weights are negative, no finite numbers, all 0 or not one a stream; the
            seed is no integer; `stop` is unknown; `max_repeats` is below 1 or not of a "cycle".

    Example:
        >>> import headrace as hr
        >>> letters = hr.stream(list("abcdef"))
        >>> letters.mix(hr.stream([1, 2, 3]), weights=[2, 1], seed=5).collect()
        ['a', 1, 'b', 'c', 2, 'd', 3, 'e', 'f']
    """
    return Mix(others, mix_rule(len(others) + 1, weights, seed, stop, max_repeats))


def mix_rule(
    sources: int, weights: Weights | None, seed: int | None, stop: Stop, max_repeats: int | None
) -> Rule:
    """The rule of a mix of so many sources.

    Raises:
        ArgumentError: as `mixing` does.
    """
    check_stop(stop, max_repeats)
    return Rule(Weighted(counts_of(weights, sources), seed), stop, max_repeats)


@dataclass(frozen=True)
class Mix:
    """Gives records of several streams in turns by weight."""

    others: tuple[Node[Any], ...]
    rule: Rule

    def __str__(self) -> str:
        return f"mix({', '.join(str(other) for other in self.others)}; {self.rule})"

    def length(self, before: int | None) -> int | None:
        return before

    def reorder(self, visit: Visit) -> Visit | None:
        return reordered(self.rule, visit, self.others)

    def begin(self, before: Node[Any]) -> Node[Any]:
        return MixedChains((before, *self.others), self.rule)
