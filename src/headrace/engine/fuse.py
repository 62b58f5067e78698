"""Neighbouring pointwise stages as one generated loop.

A chain of generators costs a frame switch per stage and record; one loop that calls the
functions in turn does not (1.08 of plain generators against 0.72 stage by stage: W5 of
`make bench`). The source of the loop is generated from the kinds of the kernels alone, so that
no user text is ever compiled.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

from headrace.contracts import Kernel, Place

# Any, in this file: records pass through untyped.
Loop = Callable[..., Iterator[Any]]

# (kind, wants) of each kernel: all that the text of a loop depends on.
Shape = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Fused:
    """A run of kernels that one loop applies."""

    kernels: tuple[Kernel, ...]

    @property
    def is_many(self) -> bool:
        """Whether one record may give several."""
        return any(kernel.kind == "flat_map" for kernel in self.kernels)

    @property
    def is_exact(self) -> bool:
        """Whether each record gives exactly one."""
        return all(kernel.kind in ("map", "tap") for kernel in self.kernels)

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
    ) -> Iterator[Any]:
        """The loop over `records`, lazy: one output runs no function too much."""
        if not self.kernels:
            return records
        functions = [_bound(kernel, key) for kernel in self.kernels]
        return self._loop.make(records, place, ordinal, *functions)

    def runs(self, frame: FrameType) -> bool:
        """Whether this is a frame of the loop; loops of equal kinds share their code."""
        return bool(self.kernels) and frame.f_code.co_filename == self._loop.filename

    def called(self, line: int) -> Kernel | None:
        """The kernel that a line of the loop calls, None where it draws the next record."""
        number = self._loop.line_kernels.get(line)
        return None if number is None else self.kernels[number]

    @property
    def _loop(self) -> _Loop:
        return _loop(tuple((kernel.kind, kernel.wants) for kernel in self.kernels))


def _bound(kernel: Kernel, key: Callable[[Kernel, Place], bytes]) -> Callable[..., Any]:
    if kernel.wants != "key":
        return kernel.fn
    fn = kernel.fn
    return lambda record, place: fn(record, key(kernel, place))


@dataclass(frozen=True)
class _Loop:
    make: Loop
    filename: str
    line_kernels: dict[int, int]


@lru_cache(maxsize=256)
def _loop(shape: Shape) -> _Loop:
    lines, line_kernels = _source(shape)
    text = "\n".join(lines) + "\n"
    name = "-".join(kind if wants == "nothing" else f"{kind}+{wants}" for kind, wants in shape)
    filename = f"<headrace loop {name}>"
    # Tracebacks then show the loop's own line.
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {}
    code: CodeType = compile(text, filename, "exec")
    exec(code, namespace)
    return _Loop(namespace["loop"], filename, line_kernels)


def _source(shape: Shape) -> tuple[list[str], dict[int, int]]:
    functions = "".join(f", f{i}" for i in range(len(shape)))
    lines = [f"def loop(records, place, ordinal{functions}):", "    for x in records:"]
    pad = " " * 8
    if any(wants == "key" for _, wants in shape):
        lines.append(f"{pad}p = place()")
    if any(wants == "ordinal" for _, wants in shape):
        lines.append(f"{pad}n = ordinal()")
    line_kernels: dict[int, int] = {}
    for i, (kind, wants) in enumerate(shape):
        extra = {"nothing": "", "key": ", p", "ordinal": ", n"}[wants]
        call = f"f{i}(x{extra})"
        later_key = any(wants == "key" for _, wants in shape[i + 1 :])
        match kind:
            case "map":
                lines.append(f"{pad}x = {call}")
            case "tap":
                lines.append(f"{pad}{call}")
            case "filter":
                lines.append(f"{pad}if not {call}: continue")
            case _ if later_key:
                lines.append(f"{pad}q{i} = p")
                lines.append(f"{pad}for j{i}, x in enumerate({call}):")
            case _:
                lines.append(f"{pad}for x in {call}:")
        line_kernels[len(lines)] = i
        if kind == "flat_map":
            pad += "    "
            if later_key:
                lines.append(f"{pad}p = (*q{i}, j{i}) if type(q{i}) is tuple else (q{i}, j{i})")
    lines.append(f"{pad}yield x")
    return lines, line_kernels
