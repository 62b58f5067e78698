"""Whole chains read in turns: the node under `mix` and `interleave` where there is no order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from headrace.contracts import (
    Cursor,
    Node,
    Run,
    State,
    Visit,
    bare_visit,
    first_epoch_of,
)
from headrace.contracts.errors import ArgumentError
from headrace.orders import (
    INFINITE,
    Turns,
    Weighted,
    limits_of,
)
from headrace.orders import Mix as MixOrder
from headrace.stages.concat import ConcatRecords
from headrace.stages.turns_cursor import MixCursor, Rule
from headrace.stages.zip import ZippedRecords

# Any, in this file: a stage is met before its record types are known.


def mixed_visit(rule: Rule, visits: list[Visit]) -> Visit:
    """One visit over whole visits, in turns."""
    records = ConcatRecords(tuple(one.records for one in visits))
    orders = tuple((one.order, len(one.records)) for one in visits)
    return Visit(records, MixOrder(orders, rule.pattern, rule.stop, rule.max_repeats))


def reordered(rule: Rule, visit: Visit, others: tuple[Node[Any], ...]) -> Visit | None:
    """The visit over this one and those of `others`; None where one of them is more than whole."""
    visits = [visit, *(bare_visit(other) for other in others)]
    bare = [one for one in visits if one is not None and one.is_whole]
    # A zip has several indices at a position, which do not lie side by side.
    if len(bare) < len(visits) or any(isinstance(one.records, ZippedRecords) for one in bare):
        return None
    return mixed_visit(rule, bare)


@dataclass(frozen=True)
class MixedChains:
    """Whole chains, read in turns."""

    chains: tuple[Node[Any], ...]
    rule: Rule

    @property
    def is_infinite(self) -> bool:
        endless = [chain.is_infinite for chain in self._waited()]
        return all(endless) if self.rule.stop == "first" else any(endless)

    @property
    def first_epoch(self) -> int:
        return max(first_epoch_of(chain) for chain in self.chains)

    def length(self, run: Run) -> int | None:
        lengths = self._lengths(run)
        if lengths is None or self.is_infinite:
            return None
        return sum(limits_of(self.rule.pattern, lengths, self.rule.stop, self.rule.max_repeats))

    def open(self, run: Run, state: State | None = None) -> Cursor[Any]:
        return MixCursor(self.chains, self.rule, self._turns(run), run, state)

    def _waited(self) -> list[Node[Any]]:
        """The chains that never lose their turn."""
        counts = self.rule.pattern.stretches[-1].counts
        return [chain for chain, count in zip(self.chains, counts, strict=True) if count]

    def _lengths(self, run: Run) -> list[int] | None:
        lengths = [INFINITE if one.is_infinite else one.length(run) for one in self.chains]
        known = [length for length in lengths if length is not None]
        return known if len(known) == len(lengths) else None

    def _turns(self, run: Run) -> Turns:
        """Whose turn it is; where a length is not known, as if nobody ended."""
        rule, pattern = self.rule, self.rule.pattern
        lengths = self._lengths(run)
        if lengths is None:
            limits = limits_of(pattern, [INFINITE] * len(self.chains), "all", None)
        else:
            limits = limits_of(pattern, lengths, rule.stop, rule.max_repeats)
        if isinstance(pattern, Weighted) and pattern.seed is None:
            if run.seed is None:
                raise ArgumentError(
                    f"a mix of {len(self.chains)} streams has no seed. Its turns are drawn from "
                    "one, so that they can be repeated. Give one to the mix (seed=7) or to the "
                    "DataLoader."
                )
            pattern = replace(pattern, seed=run.seed)
        return Turns(pattern, tuple(limits))
