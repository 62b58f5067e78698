"""Neighbouring pointwise stages as one generated loop.

A chain of generators costs a frame switch per stage and record; one loop that calls the
functions in turn does not (1.08 of plain generators against 0.72 stage by stage: W5 of
`make bench`). The source of the loop is generated from the kinds of the kernels alone, so that
no user text is ever compiled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from types import FrameType
from typing import Any, TypeAlias

from headrace.contracts import Failed, Kernel, Place
from headrace.contracts.timing import Account, Timing
from headrace.engine.loops import DECIDING, Loop, loop_of

# Any, in this file: records pass through untyped.
# Told of a failure by the kernel that covers it; gives what takes the record's place.
Decide: TypeAlias = Callable[[Kernel, Failed], Any]


@dataclass(frozen=True)
class Fused:
    """A run of kernels that one loop applies.

    Where it `takes_failed`, a `Failed` may come in the place of a record; where it `is_soft`, one
    is given for what fails and no guard of its own covers.
    """

    kernels: tuple[Kernel, ...]
    takes_failed: bool = False
    is_soft: bool = False

    @cached_property
    def is_many(self) -> bool:
        """Whether one record may give several."""
        return any(kernel.kind == "flat_map" for kernel in self.kernels)

    @property
    def is_exact(self) -> bool:
        """Whether each record gives exactly one."""
        return all(kernel.kind not in ("filter", "flat_map", "skip") for kernel in self.kernels)

    @property
    def guards(self) -> tuple[Kernel, ...]:
        """The kernels that decide about failures of those before them."""
        return tuple(kernel for kernel in self.kernels if kernel.guard is not None)

    @property
    def covers_input(self) -> bool:
        """Whether a failure of what comes in is decided about here."""
        deciding = (kernel.kind for kernel in self.kernels if kernel.kind in DECIDING)
        return next(deciding, "raise") != "raise"

    @property
    def decides(self) -> bool:
        """Whether no failure of what comes in gets through."""
        return any(kernel.kind in DECIDING for kernel in self.kernels)

    @property
    def wants_place(self) -> bool:
        """Whether a function depends on the place of its record."""
        return any(kernel.wants == "key" for kernel in self.kernels)

    @property
    def wants_ordinal(self) -> bool:
        """Whether a function is given the ordinal of its record."""
        return any(kernel.wants == "ordinal" for kernel in self.kernels)

    def over(
        self,
        records: Iterator[Any],
        *,
        key: Callable[[Kernel, Place], bytes],
        place: Callable[[], Place] | None,
        ordinal: Callable[[], int] | None,
        decide: Decide | None = None,
        timing: Timing | None = None,
    ) -> Iterator[Any]:
        """The loop over `records`, lazy: one output runs no function too much.

        `decide` is told of each failure that a guard covers; `timing` is written where it is.
        """
        if not self.kernels:
            return records
        functions = [_bound(kernel, key, decide) for kernel in self.kernels]
        arguments = (records, place, ordinal, self._failed, self._each, *functions)
        if timing is None:
            return self._loop().make(*arguments)
        accounts = [timing.account(kernel.number) for kernel in self.kernels]
        loop = self._loop(is_timed=True, counts_cpu=timing.counts_cpu)
        return loop.make(*arguments, timed, *accounts)

    def called(self, frame: FrameType, line: int) -> Kernel | None:
        """The kernel that a line of the loop calls, None where it draws the next record.

        Loops of equal kinds share their code.

        Raises:
            LookupError: this is no frame of the loop.
        """
        clocks = ((False, False), (True, False), (True, True)) if self.kernels else ()
        for is_timed, counts_cpu in clocks:
            loop = self._loop(is_timed=is_timed, counts_cpu=counts_cpu)
            if loop.filename == frame.f_code.co_filename:
                number = loop.line_kernels.get(line)
                return None if number is None else self.kernels[number]
        raise LookupError(frame)

    def _failed(self, error: Exception) -> Failed:
        """What stands for a record whose functions raised this inside the loop."""
        # The frame that caught the error is the loop's own, and comes first.
        trace = error.__traceback__
        assert trace is not None
        kernel = self.called(trace.tb_frame, trace.tb_lineno)
        return Failed(error, "" if kernel is None else kernel.name)

    def _each(self, fn: Callable[..., Any], number: int, record: Any, *more: Any) -> Iterator[Any]:
        """The records that a covered function gives for one; at an error, `Failed` is the last."""
        if record.__class__ is Failed:
            yield record
            return
        try:
            yield from fn(record, *more)
        except Exception as error:
            yield Failed(error, self.kernels[number].name)

    def _loop(self, *, is_timed: bool = False, counts_cpu: bool = False) -> Loop:
        shape = tuple((kernel.kind, kernel.wants) for kernel in self.kernels)
        flags = {"takes_failed": self.takes_failed, "is_soft": self.is_soft}
        return loop_of(shape, **flags, is_timed=is_timed, counts_cpu=counts_cpu)


def timed(account: Account, fn: Callable[..., Any], *arguments: Any) -> Iterator[Any]:
    """What `fn` gives, its call and each draw from it timed."""
    clock = time.perf_counter
    began = clock()
    for output in fn(*arguments):
        account.seconds += clock() - began
        account.given += 1
        account.last = output
        yield output
        began = clock()
    account.seconds += clock() - began


def _bound(
    kernel: Kernel, key: Callable[[Kernel, Place], bytes], decide: Decide | None
) -> Callable[..., Any]:
    fn = kernel.fn
    if kernel.guard is not None and decide is not None:
        return lambda failed: decide(kernel, failed)
    if kernel.wants == "key":
        return lambda record, place: fn(record, key(kernel, place))
    return fn


def clocked(
    fn: Callable[..., Any], account: Account, *, gives_many: bool = False
) -> Callable[..., Any]:
    """`fn`, its calls timed by both clocks, and counted what it makes: one, or those in a list."""
    clock, cpu = time.perf_counter, time.thread_time

    def called(*arguments: Any) -> Any:
        began, cpu_began = clock(), cpu()
        made = fn(*arguments)
        took = clock() - began
        account.seconds += took
        account.watched_s += took
        account.cpu_s += cpu() - cpu_began
        account.given += len(made) if gives_many else 1
        account.last = made[-1] if gives_many and made else made
        return made

    return called
