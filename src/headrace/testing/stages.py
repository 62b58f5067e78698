"""The conformance suite of stages: what every stage must hold, on every backend, at every cut."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import cloudpickle
import numpy as np

from headrace.backends import Inline, Threads
from headrace.contracts import Backend, Run, State, rows
from headrace.dataref import DataRef
from headrace.loader import DataLoader
from headrace.streams import Stream

# Any, in this file: the suite runs on records of every type.
Build = Callable[[Stream[Any]], Stream[Any]]
Oracle = Callable[[Iterator[Any]], Iterator[Any]]

SIZES = (0, 1, 2, 3, 11, 24)
BACKENDS: tuple[Backend, ...] = (Inline(), Threads(1), Threads(3))


@dataclass
class CountingSequence:
    """A source that counts how often each of its records is read."""

    records: Sequence[Any]
    reads: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Any:
        self.reads.append(index)
        return self.records[index]


def check_stage(
    build: Build, oracle: Oracle | None = None, *, sizes: Sequence[int] = SIZES, slack: int = 0
) -> None:
    """Checks a stage in the chain that `build` makes of a stream of ints.

    It restores at every cut on every backend, reads with random n, compares with `oracle` (a
    plain generator over the same records), counts source reads against the oracle's (`slack`
    more are allowed: a window's), pickles, prints, closes, and passes states through JSON.

    Raises:
        AssertionError: what does not hold, and where.

    Example:
        >>> from headrace.testing import check_stage
        >>> check_stage(lambda stream: stream.map(str), lambda records: (str(r) for r in records))
    """
    for size in sizes:
        stream = build(DataRef.from_sequence(range(size)).stream())
        epochs = [shown(stream.epoch(epoch)) for epoch in range(3)]
        if oracle is not None:
            expected = [repr_of(record) for record in oracle(iter(range(size)))]
            assert epochs[0] == expected, f"size {size}: {epochs[0]} is not {expected}"
            check_laziness(build, oracle, size, slack=slack)
        check_resume(stream, epochs, random.Random(size))
        check_reads(stream, epochs[0], random.Random(size))
        again = cloudpickle.loads(cloudpickle.dumps(stream))
        assert shown(again) == epochs[0], f"size {size}: another result after pickling"
        assert str(stream.node) in repr(stream), "the chain does not print"


def check_resume(stream: Stream[Any], epochs: list[list[str]], chance: random.Random) -> None:
    """Checks that a state of every cut and backend loads on any other (G2-G4)."""
    saved = [states(stream, backend) for backend in BACKENDS]
    for other in saved[1:]:
        assert other == saved[0], f"states depend on the backend: {saved[0]} and {other}"
    for epoch, cuts in enumerate(saved[0]):
        for cut, state in enumerate(cuts):
            text = json.dumps(state)
            assert len(text) <= 1024 or "parents" in text, f"a state of {len(text)} bytes"
            backend = chance.choice(BACKENDS)
            with DataLoader(stream, backend=backend) as loader:
                loader.load_state_dict(json.loads(text))
                rest = [repr_of(record) for record in loader]
            # After the last record a state loads as the next epoch: never an empty one.
            is_over = 0 < cut == len(epochs[epoch])
            expected = epochs[epoch + 1] if is_over else epochs[epoch][cut:]
            assert rest == expected, (
                f"{backend}, epoch {epoch}, cut {cut}: {rest} is not {expected}"
            )


def check_reads(stream: Stream[Any], expected: list[str], chance: random.Random) -> None:
    """Checks that random portions give the same, and states between them load."""
    cursor = stream.node.open(Run())
    found: list[str] = []
    while block := rows(cursor.read(chance.randint(1, 9))):
        found += [repr_of(record) for record in block]
        state = json.loads(json.dumps(cursor.state()))
        rest = stream.node.open(Run(), state)
        left = [repr_of(record) for record in rows(rest.read(10**6))]
        while more := rows(rest.read(10**6)):
            left += [repr_of(record) for record in more]
        assert found + left == expected, f"after {len(found)}: {left}"
        rest.close()
    assert found == expected, f"{found} is not {expected}"
    cursor.close()
    cursor.close()


def check_laziness(build: Build, oracle: Oracle, size: int, *, slack: int = 0) -> None:
    """Checks that k records read no more of the source than plain generators do (G6)."""
    for wanted in range(size + 1):
        drawn: list[int] = []
        plain = oracle(_watched(range(size), drawn))
        given = sum(1 for _ in zip(range(wanted), plain, strict=False))
        source = CountingSequence(range(size))
        records = iter(build(DataRef.from_sequence(source).stream()))
        ours = sum(1 for _ in zip(range(wanted), records, strict=False))
        assert ours == given
        allowed = len(drawn) + slack
        assert len(source.reads) <= allowed, (
            f"{wanted} records of {size} read {len(source.reads)} source records, "
            f"plain generators {len(drawn)}"
        )


def states(stream: Stream[Any], backend: Backend, epochs: int = 2) -> list[list[State]]:
    """The state at every cut of every epoch."""
    found = []
    with DataLoader(stream, backend=backend) as loader:
        for _ in range(epochs):
            cuts = [loader.state_dict()]
            cuts += [loader.state_dict() for _ in loader]
            found.append(cuts)
    return found


def shown(stream: Stream[Any]) -> list[str]:
    """The records as text, so that arrays compare."""
    return [repr_of(record) for record in stream]


def repr_of(record: Any) -> str:
    """A text that tells records apart, dtypes of arrays included."""
    if isinstance(record, np.ndarray):
        return f"array({record.tolist()}, {record.dtype})"
    if isinstance(record, dict):
        return repr({key: repr_of(value) for key, value in record.items()})
    if isinstance(record, tuple | list):
        return type(record).__name__ + repr([repr_of(value) for value in record])
    return f"{type(record).__name__}:{record!r}"


def _watched(records: Sequence[Any], drawn: list[int]) -> Iterator[Any]:
    for index, record in enumerate(records):
        drawn.append(index)
        yield record
