"""What the tasks of an epoch have in common, here and in other processes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

from headrace.carried import CarriedError, Portable
from headrace.contracts import Block, Run, Visit, rows
from headrace.contracts.errors import StreamError
from headrace.contracts.node import Shared
from headrace.contracts.timing import SOURCE, Span, Timing
from headrace.deferred import cloudpickle
from headrace.engine.feed import AddressedFeed, DrawnPlaces, Feed
from headrace.engine.fuse import Fused
from headrace.engine.notes import Origin
from headrace.engine.passes import Failure, Pass
from headrace.engine.randomness import Keys
from headrace.engine.segment import Segment
from headrace.orders import first_seed
from headrace.watching import core_time, size_of, worker_here

# Any, in this file: records pass through untyped.
# By which clocks a task is timed: none, the machine's, that of its thread too.
UNTIMED, TIMED, TIMED_TWICE = range(3)
REMEDY = (
    "Make what does not pickle inside the function, by hr.per_worker(factory), or open it again "
    "where it is unpickled; or use hr.Threads(n), which needs no pickling."
)


@dataclass
class Result:
    """What a task gave: outputs, the unit of each (None: one a unit), and how it ended.

    `stop` is the unit after the last one, or the one that failed.
    """

    first: int
    outputs: Block[Any]
    owners: list[int] | None
    stop: int
    error: BaseException | None = None
    seconds: float = 0.0
    # The failures that guards have covered, each with the number of outputs before it.
    failures: list[tuple[int, Failure]] = field(default_factory=list)
    timing: Timing | None = None

    def __getstate__(self) -> dict[str, Any]:
        error = self.error
        return {**vars(self), "error": None if error is None else CarriedError(error)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if isinstance(state["error"], CarriedError):
            self.error = state["error"].opened()

    def cut(self, outputs: int, stop: int, error: BaseException) -> None:
        """Drops what comes after so many outputs: an error stands there, in unit `stop`."""
        self.outputs = self.outputs[:outputs]
        self.stop, self.error = stop, error

    def owner(self, output: int) -> int:
        """The unit that gave this output."""
        return self.first + output if self.owners is None else self.owners[output]


@dataclass(frozen=True, eq=False)
class SegmentParts:
    """A segment over its source, without an epoch: what travels to each process once.

    Of a source without random access, records travel with the tasks, and `begin` says where this
    rank's positions begin.
    """

    visit: Visit | None
    begin: int
    segment: Segment
    identity: str

    def __call__(self, run: Run) -> SegmentJob:
        """The job of one epoch."""
        feed: AddressedFeed | DrawnPlaces
        seed = run.seed
        if self.visit is None:
            feed = DrawnPlaces.of(run, self.begin)
        else:
            feed = AddressedFeed(self.visit, run, is_soft=self.segment.covers_source)
            seed = first_seed(self.visit.order) if seed is None else seed
        keys = Keys(seed, run.epoch)
        origin = Origin(self.identity, self.segment, run)
        return SegmentJob(feed, self.segment, keys, origin, portable(self))


def portable(parts: SegmentParts) -> Portable:
    """The parts, as they travel; where they cannot, the error names the function at fault."""
    named: list[tuple[str, Any]] = [
        (kernel.name, (kernel.fn, kernel)) for kernel in parts.segment.kernels()
    ]
    named += [(str(level), level) for level in parts.segment.levels]
    named.append((f"the source {parts.identity}", parts.visit))
    return Portable(parts, str(parts.identity), parts=named, remedy=REMEDY)


@dataclass(frozen=True, eq=False)
class SegmentJob:
    """Runs whole units of one epoch."""

    feed: Feed | DrawnPlaces
    segment: Segment
    keys: Keys
    origin: Origin
    fixed: Portable

    @property
    def moving(self) -> tuple[Run]:
        """The epoch, without what belongs to this process."""
        run = self.origin.run
        return (replace(run, workers=None, look_ahead=0, timing=None, shared=Shared()),)

    def where(self, units: tuple[int, int], *_: Any) -> str:
        """The positions, for messages."""
        start, stop = (unit * self.segment.unit for unit in units)
        return f"positions {start} to {stop - 1} of {self.origin.identity}, epoch {self.keys.epoch}"

    def __call__(
        self, units: tuple[int, int], block: Block[Any] | None = None, clocks: int = UNTIMED
    ) -> Result:
        """Runs the units; `block` holds their records where the source has no random access."""
        began = time.perf_counter()
        timing = Timing(counts_cpu=clocks == TIMED_TWICE) if clocks else None
        before = core_time() if clocks == TIMED_TWICE else None
        result = self._run(units, block, timing)
        result.seconds = time.perf_counter() - began
        if timing is not None:
            if before is not None:
                timing.queued(before, core_time())
            timing.weigh(size_of)
            timing.tasks_s = result.seconds
            timing.tasks.append(
                self._span((units[0], result.stop), began, began + result.seconds, timing)
            )
        if result.error is not None:
            self.origin.annotate(result.error, self.feed, result.stop)
        return result

    def mended(self, result: Result, error: Exception) -> Result:
        """The result up to the first output that does not pickle, where an error stands."""
        for number, output in enumerate(rows(result.outputs)):
            try:
                cloudpickle.dumps(output)
            except Exception as fault:
                unsendable = StreamError(
                    f"a record cannot be sent between processes: {type(output).__name__}: {fault}. "
                    "Give records that pickle, or use hr.Threads(n), which needs no pickling."
                )
                result.cut(number, result.owner(number), unsendable)
                result.failures = [one for one in result.failures if one[0] <= number]
                self.origin.note(unsendable, self._last, self.feed, (result.stop, result.stop + 1))
                return result
        raise error

    @property
    def _last(self) -> str:
        """What gives the outputs."""
        level = self.segment.levels[-1] if self.segment.levels else None
        if isinstance(level, Fused):
            return level.kernels[-1].name
        return "the source" if level is None else str(level.stage)

    def _span(self, units: tuple[int, int], begin_s: float, end_s: float, timing: Timing) -> Span:
        start, stop = (unit * self.segment.unit for unit in units)
        busy = tuple((number, one.seconds) for number, one in timing.accounts.items())
        return Span(worker_here(), begin_s, end_s, self.keys.epoch, start, stop, busy)

    def _run(
        self, units: tuple[int, int], block: Block[Any] | None, timing: Timing | None
    ) -> Result:
        first, stop = units
        unit = self.segment.unit
        error = None
        if block is None:
            assert isinstance(self.feed, AddressedFeed)
            began, cpu_began = time.perf_counter(), time.thread_time() if timing else 0.0
            block, error = self.feed.attempt(first * unit, stop * unit, unit)
            if timing is not None and len(block):
                source = timing.account(SOURCE)
                source.seconds = source.watched_s = time.perf_counter() - began
                source.cpu_s = time.thread_time() - cpu_began
                source.given, source.last = len(block), block[-1]
        ends = first - (-len(block) // unit)
        if not self.segment.levels:
            return Result(first, block, None, ends, error, timing=timing)
        owners: list[int] | None = None if self.segment.is_exact else []
        result = Result(first, [], owners, ends, timing=timing)
        step = unit if self.segment.is_unit_by_unit else max(1, len(block))
        for start in range(0, len(block), step):
            if not self._pass(block[start : start + step], first + start // unit, result):
                return result
        result.error = error
        return result

    def _pass(self, block: Block[Any], at: int, result: Result) -> bool:
        """Runs one pass into a result; False where it failed."""
        outputs, owners = result.outputs, result.owners
        assert isinstance(outputs, list)
        given = Pass(
            self.segment,
            block,
            at * self.segment.unit,
            keys=self.keys,
            places=self.feed.places,
            report=lambda failure: result.failures.append((len(outputs), failure)),
            timing=result.timing,
        )
        unit_by_unit = self.segment.is_unit_by_unit
        try:
            if owners is None or unit_by_unit:
                outputs.extend(given.outputs)
            else:
                for output in given.outputs:
                    outputs.append(output)
                    owners.append(at + given.units_used() - 1)
        except BaseException as error:
            result.error = error
            result.stop = at if unit_by_unit else at + given.failed_unit
        finally:
            if owners is not None and unit_by_unit:
                owners.extend([at] * (len(outputs) - len(owners)))
        return result.error is None
