"""The text of loops over pointwise stages, generated from their kinds alone and kept."""

from __future__ import annotations

import linecache
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from headrace.contracts import LEFT, Failed

# (kind, wants) of each kernel: with the two flags, all that the text of a loop depends on.
Shape = tuple[tuple[str, str], ...]

# The kinds that decide what becomes of failures before them.
DECIDING = ("raise", "skip", "substitute")


@dataclass(frozen=True)
class Loop:
    """A compiled loop: `make` opens it over records, and its lines tell which kernel they call."""

    make: Callable[..., Iterator[Any]]  # Any: records pass through untyped
    filename: str
    line_kernels: dict[int, int]


@lru_cache(maxsize=256)
def loop_of(
    shape: Shape,
    *,
    takes_failed: bool = False,
    is_soft: bool = False,
    is_timed: bool = False,
    counts_cpu: bool = False,
) -> Loop:
    """The loop that applies kernels of these kinds.

    `takes_failed`: a `Failed` may come in; `is_soft`: one is given for what fails uncovered;
    `is_timed`: each kernel's calls are timed and counted in its account, and where it
    `counts_cpu`, by the thread's own clock too.
    """
    text = _Text(_covered(shape, is_soft=is_soft), takes_failed, is_timed, counts_cpu)
    text.write(shape)
    source = "\n".join(text.lines) + "\n"
    name = "-".join(kind if wants == "nothing" else f"{kind}+{wants}" for kind, wants in shape)
    flags = " taking failed" * takes_failed + " soft" * is_soft
    flags += " timed" * is_timed + " by two clocks" * counts_cpu
    filename = f"<headrace loop {name}{flags}>"
    # Tracebacks then show the loop's own line.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    clocks = {"clock": time.perf_counter, "cpu": time.thread_time}
    namespace: dict[str, Any] = {"Failed": Failed, "LEFT": LEFT, **clocks}
    exec(compile(source, filename, "exec"), namespace)
    return Loop(namespace["loop"], filename, text.line_kernels)


def _covered(shape: Shape, *, is_soft: bool) -> list[bool]:
    """Whether a failure of each kernel is decided about by one behind it, or given on."""
    covered: list[bool] = []
    behind = is_soft
    for kind, _ in reversed(shape):
        covered.append(behind and kind not in DECIDING)
        behind = kind != "raise" if kind in DECIDING else behind
    return covered[::-1]


@dataclass
class _Text:
    """The lines of one loop while they are written."""

    covered: list[bool]
    # Whether the record at this place may be a Failed.
    may_hold_failed: bool
    is_timed: bool
    counts_cpu: bool
    lines: list[str] = field(default_factory=list)
    line_kernels: dict[int, int] = field(default_factory=dict)
    depth: int = 2
    # Whether the lines stand inside a `try`, and how deep its statement stands.
    tried_at: int | None = None

    def write(self, shape: Shape) -> None:
        functions = "".join(f", f{i}" for i in range(len(shape)))
        if self.is_timed:
            functions += ", timed" + "".join(f", a{i}" for i in range(len(shape)))
        self.lines += [
            f"def loop(records, place, ordinal, failed, each{functions}):",
            "    for x in records:",
        ]
        if any(wants == "key" for _, wants in shape):
            self._line("p = place()")
        if any(wants == "ordinal" for _, wants in shape):
            self._line("n = ordinal()")
        for i, (kind, wants) in enumerate(shape):
            self._leave_try(unless=self.covered[i] and kind != "flat_map")
            later_key = any(later == "key" for _, later in shape[i + 1 :])
            self._kernel(i, kind, wants, later_key=later_key)
        self._leave_try()
        self._line("yield x")

    def _kernel(self, i: int, kind: str, wants: str, *, later_key: bool) -> None:
        extra = {"nothing": "", "key": ", p", "ordinal": ", n"}[wants]
        if kind in DECIDING:
            self._decide(i, kind)
        elif kind == "flat_map":
            self._flat_map(i, extra, later_key=later_key)
        else:
            if self.covered[i]:
                self._enter_try()
            call = f"f{i}(x{extra})"
            text = {"map": f"x = {call}", "tap": call, "filter": f"if not {call}: continue"}
            self._timed_line(text[kind], i) if self.is_timed else self._line(text[kind], i)

    def _timed_line(self, text: str, i: int) -> None:
        self._line("t = clock()")
        if self.counts_cpu:
            self._line("c = cpu()")
        is_filter = text.startswith("if not ")
        call = text.removeprefix("if not ").removesuffix(": continue")
        self._line(f"keeps = {call}" if is_filter else text, i)
        if self.counts_cpu:
            self._line(f"a{i}.cpu_s += cpu() - c")
            self._line(f"a{i}.watched_s += clock() - t")
        self._line(f"a{i}.seconds += clock() - t")
        if is_filter:
            self._line("if not keeps: continue")
        self._count(i)

    def _count(self, i: int) -> None:
        self._line(f"a{i}.given += 1")
        self._line(f"a{i}.last = x")

    def _decide(self, i: int, kind: str) -> None:
        # What a "raise" stands behind raised where it failed.
        if kind != "raise" and self.may_hold_failed:
            self._line("if x.__class__ is Failed:")
            self._line(f"    x = f{i}(x)", i)
            if kind == "skip":
                self._line("    if x is LEFT: continue")
            self.may_hold_failed = False
        if self.is_timed:
            self._count(i)

    def _flat_map(self, i: int, extra: str, *, later_key: bool) -> None:
        call = f"each(f{i}, {i}, x{extra})" if self.covered[i] else f"f{i}(x{extra})"
        if self.is_timed:
            # The function's own name and arguments, in the timer's hands.
            call = f"timed(a{i}, {call.replace('(', ', ', 1)}"
        self.may_hold_failed = self.may_hold_failed or self.covered[i]
        if later_key:
            self._line(f"q{i} = p")
            self._line(f"for j{i}, x in enumerate({call}):", i)
        else:
            self._line(f"for x in {call}:", i)
        self.depth += 1
        if later_key:
            self._line(f"p = (*q{i}, j{i}) if type(q{i}) is tuple else (q{i}, j{i})")

    def _enter_try(self) -> None:
        if self.tried_at is not None:
            return
        self.tried_at = self.depth
        if self.may_hold_failed:
            self._line("if x.__class__ is not Failed:")
            self.depth += 1
        self._line("try:")
        self.depth += 1

    def _leave_try(self, *, unless: bool = False) -> None:
        if self.tried_at is None or unless:
            return
        self.depth -= 1
        self._line("except Exception as error:")
        self._line("    x = failed(error)")
        self.depth, self.tried_at = self.tried_at, None
        self.may_hold_failed = True

    def _line(self, text: str, kernel: int | None = None) -> None:
        self.lines.append("    " * self.depth + text)
        if kernel is not None:
            self.line_kernels[len(self.lines)] = kernel
