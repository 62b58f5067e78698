"""The suite of stages must fail for stages that are broken, in each way that they can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from headrace.contracts import Block, Cursor, Kernel, Run, State, rows, with_memo
from headrace.testing import CountingSequence, check_stage, repr_of

# Any, in this file: stages are met before their record types are known.


class DroppingCursor:
    """Passes records on; `wrong` says how it is broken."""

    def __init__(self, parent: Cursor[Any], given: int, wrong: str) -> None:
        self._parent = parent
        self._given = given
        self._wrong = wrong
        self._begin = parent.state()
        self._ahead: list[Any] = []

    def read(self, n: int) -> Block[Any]:
        match self._wrong:
            case "reads ahead":
                self._ahead += rows(self._parent.read(n + 3 - len(self._ahead)))
                block, self._ahead = self._ahead[:n], self._ahead[n:]
            case "loses the last of a read":
                block = rows(self._parent.read(n))
                block = block[:-1] if len(block) > 1 else block
            case "loses a record":
                block = [x for x in rows(self._parent.read(n)) if x != 5]
            case "ends early":
                block = [] if self._given >= 9 else rows(self._parent.read(1))
            case _:
                block = rows(self._parent.read(n))
        self._given += len(block)
        return block

    def state(self) -> State:
        match self._wrong:
            case "state of the begin":
                return with_memo(self._begin, self._given)
            case "state one too far":
                where = self._parent.state()
                return with_memo({**where, "at": where["at"] + 1}, self._given)
            case "records in the state":
                return with_memo(self._parent.state(), [" " * 100] * 20)
            case "state that JSON changes":
                return with_memo(self._parent.state(), (self._given,))
            case _:
                return with_memo(self._parent.state(), self._given)

    def close(self) -> None:
        self._parent.close()


@dataclass(frozen=True)
class Passing:
    """A stage beside the consumer that passes all records on."""

    wrong: str = ""

    def __str__(self) -> str:
        return f"passing({self.wrong})"

    def length(self, before: int | None) -> int | None:
        return before

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> DroppingCursor:
        given = memo[0] if isinstance(memo, list) and isinstance(memo[0], int) else memo
        return DroppingCursor(parent, given if isinstance(given, int) else 0, self.wrong)


def test_a_right_stage_passes() -> None:
    check_stage(lambda stream: stream.apply(Passing()), iter)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("state of the begin", "is not|after"),
        ("state one too far", "is not|after"),
        ("records in the state", "a state of .* bytes"),
        ("reads ahead", "is not|read .* source records"),
        ("loses the last of a read", "is not|after"),
        ("loses a record", r"size 11: .* is not"),
        ("ends early", "is not|after"),
    ],
)
def test_a_broken_stage_fails(wrong: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_stage(lambda stream: stream.apply(Passing(wrong)), iter)


@dataclass
class Counting:
    """A function with a memory: what it gives depends on what ran before."""

    count: int = 0

    def __call__(self, x: int) -> int:
        self.count += 1
        return x + self.count


def test_a_function_with_a_memory_fails() -> None:
    with pytest.raises(AssertionError):
        check_stage(lambda stream: stream.map(Counting()))


@dataclass(frozen=True)
class Wrong:
    """A pointwise stage whose function is not what its oracle says."""

    def __str__(self) -> str:
        return "wrong"

    def length(self, before: int | None) -> int | None:
        return before

    @property
    def kernel(self) -> Kernel:
        return Kernel("map", lambda x: x + (x == 10), "wrong")


def test_an_output_that_differs_from_the_oracle_fails() -> None:
    with pytest.raises(AssertionError, match="size 11"):
        check_stage(lambda stream: stream.apply(Wrong()), iter)


def test_a_counting_sequence_notes_each_read() -> None:
    sequence = CountingSequence("abc")
    assert [sequence[2], sequence[2], len(sequence)] == ["c", "c", 3]
    assert sequence.reads == [2, 2]


def test_texts_tell_types_apart() -> None:
    records = [1, 1.0, True, "1", np.int8(1), np.int16(1), [1], (1,), {"a": 1}, np.array([1])]
    records += [np.array([1.0]), b"1", None]
    assert len({repr_of(record) for record in records}) == len(records)
