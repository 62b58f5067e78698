"""How many records a chain gives, as far as its plan and its stages say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from headrace.contracts import Groups, Node, Run, Stage, Visit
from headrace.contracts.errors import StreamError
from headrace.engine.plan import Plan
from headrace.engine.visited import bound_order, drawn_count
from headrace.orders import INFINITE


@dataclass(frozen=True)
class Lengths:
    """The lengths of the epochs of a chain."""

    plan: Plan
    stages: tuple[Stage, ...]

    # Kept: to look whether a source is a Node asks for it, at each level of chains over chains.
    @cached_property
    def is_endless(self) -> bool:
        """Whether an epoch never ends."""
        source = self.plan.source
        if isinstance(source, Visit):
            endless = source.order.count(0) >= INFINITE and source.stop is None
        elif isinstance(source, Node):
            endless = source.is_infinite
        else:
            endless = source.is_endless and self.plan.cut[1] is None
        for stage in self._late:
            # A stage that gives the same number for two huge ones ends an endless stream.
            length = stage.length(INFINITE)
            endless = endless and (length is None or length != stage.length(INFINITE // 2))
        return endless

    def of(self, run: Run) -> int | None:
        """How many records an epoch gives; None where unknown or without end."""
        return self._found(run)[0]

    def known(self, run: Run) -> int:
        """How many records an epoch gives.

        Raises:
            StreamError: it is not known; the message names the stage that made it so.
        """
        length, stage = self._found(run)
        if length is not None:
            return length
        if stage is not None:
            why = f"{stage} gives a number that depends on the records"
        else:
            why = "it has no end" if self.is_endless else "its source does not know its length"
        raise StreamError(
            f"the length of this stream is not known: {why}. "
            "Count what comes out, or put .take(n) behind it."
        )

    def before(self, run: Run) -> int | None:
        """How many records an epoch has before the stages that change their number."""
        source = self.plan.source
        if isinstance(source, Visit):
            count = bound_order(source, run).count(run.epoch)
            return None if count == INFINITE else count
        if isinstance(source, Node):
            return source.length(run)
        return drawn_count(source, run, self.plan.cut)

    def _found(self, run: Run) -> tuple[int | None, Stage | None]:
        """The length, or the stage for which it is not known, if it is one."""
        length = self.before(run)
        if run.rest is not None and not self.plan.segment.is_exact:
            # Other ranks may have units that were begun, of which this one does not know.
            return None, next(one for one in self._late if not isinstance(one, Groups))
        for stage in self._late:
            before, length = length, stage.length(length)
            if length is None and before is not None:
                return None, stage
        return length, None

    @cached_property
    def _late(self) -> list[Stage]:
        """The stages after the last one that became order or stands over whole chains."""
        wheres = self.plan.wheres
        begin = max((i + 1 for i, where in enumerate(wheres) if where == "chains"), default=0)
        return [
            stage
            for i, (stage, where) in enumerate(zip(self.stages, wheres, strict=True))
            if i >= begin and where in ("task", "consumer")
        ]
