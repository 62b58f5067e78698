"""Errors at their place, with their note, and a state to go on from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.streams import BACKENDS, each_backend, same, shuffled

import headrace as hr
from headrace.contracts import Backend

# Any, in this file: records of every type.


class Failing(ValueError):
    pass


def fail_at(bad: int, is_failing: list[bool]) -> Callable[[int], int]:
    def step(x: int) -> int:
        if x == bad and is_failing[0]:
            raise Failing(f"bad record {bad}")
        return x

    return step


class Sequence:
    def __init__(self, is_failing: list[bool]) -> None:
        self.is_failing = is_failing

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> int:
        if index == 21 and self.is_failing[0]:
            raise Failing("bad record 21")
        return index


def drawn_with_an_error(is_failing: list[bool]) -> hr.Stream[int]:
    def records() -> Iterator[int]:
        for k in range(40):
            if k == 21 and is_failing[0]:
                raise Failing("bad record 21")
            yield k

    return hr.stream(records)


def raising(is_failing: list[bool]) -> Callable[[list[int]], list[int]]:
    def collate(batch: list[int]) -> list[int]:
        if 21 in batch and is_failing[0]:
            raise Failing("bad record 21")
        return batch

    return collate


def unfolding(is_failing: list[bool]) -> Callable[[int], Iterator[int]]:
    def several(x: int) -> Iterator[int]:
        yield x
        yield x
        if x == 21 and is_failing[0]:
            raise Failing("bad record 21")
        yield x

    return several


# name -> (the stream, what the note says after "headrace: in ")
CASES: dict[str, tuple[Callable[[list[bool]], Any], str]] = {
    "map": (
        lambda on: hr.stream(range(40)).map(fail_at(21, on)),
        r"map\(step\)#0 over range\[40\], epoch 0, position 21, index 21",
    ),
    "map of a shuffled dataset": (
        lambda on: shuffled(40).map(fail_at(21, on)),
        r"map\(step\)#0 over range\[40\], epoch 0, position \d+, index 21",
    ),
    "source": (
        lambda on: hr.stream(Sequence(on)).map(same),
        r"the source over Sequence\[40\], epoch 0, position 21, index 21",
    ),
    "bare source": (
        lambda on: hr.stream(Sequence(on)),
        r"the source over Sequence\[40\], epoch 0, position 21, index 21",
    ),
    "batches of a source": (
        lambda on: hr.stream(Sequence(on)).batch(4, collate="list"),
        r"the source over Sequence\[40\], epoch 0, positions 20 to 23, indices \[20, 21, 22, 23\]",
    ),
    "drawn source": (
        drawn_with_an_error,
        "the source over drawn from .*records, epoch 0, position 21",
    ),
    "batches of a drawn source": (
        lambda on: drawn_with_an_error(on).batch(4, collate="list"),
        "the source over drawn from .*records, epoch 0, positions 20 to 23",
    ),
    "filtered batches of a drawn source": (
        lambda on: drawn_with_an_error(on).batch(4, collate="list").filter(bool),
        "the source over drawn from .*records, epoch 0, positions 20 to 23",
    ),
    "map between batches": (
        lambda on: (
            hr.stream(range(40))
            .map(fail_at(21, on))
            .batch(2, collate="list")
            .map(same)
            .batch(2, collate="list")
        ),
        r"map\(step\)#0 over range\[40\], epoch 0, positions 20 to 23, indices \[20, 21, 22, 23\]",
    ),
    "batch": (
        lambda on: hr.stream(range(40)).batch(4, collate=raising(on)).map(same),
        r"batch\(4, drop_last=False, collate=function\) over range\[40\], epoch 0, positions 20",
    ),
    "flat_map": (
        lambda on: hr.stream(range(40)).flat_map(unfolding(on)),
        r"flat_map\(several\)#0 over range\[40\], epoch 0, position 21, index 21",
    ),
    "flat_map in a window": (
        lambda on: hr.stream(range(40)).filter(same).shuffle(4, seed=1).flat_map(unfolding(on)),
        r"flat_map\(several\)#2 over range\[40\], epoch 0, positions 20 to 23",
    ),
    "late batch": (
        lambda on: hr.stream(range(40)).filter(lambda x: True).batch(4, collate=raising(on)),
        r"batch\(4, .*\) over range\[40\], epoch 0, positions 20 to 23, indices \[20, 21, 22, 23\]",
    ),
    "late map": (
        lambda on: (
            hr.stream(range(40))
            .filter(lambda x: True)
            .batch(4, collate="list")
            .unbatch()
            .map(fail_at(21, on))
        ),
        r"map\(step\)#3 over range\[40\], epoch 0, positions 20 to 23",
    ),
    "late flat_map": (
        lambda on: hr.stream(range(40)).filter(lambda x: True).skip(0).flat_map(unfolding(on)),
        r"flat_map\(several\)#2 over range\[40\], epoch 0, position 21, index 21",
    ),
    "late rebatch": (
        lambda on: hr.stream(range(40)).batch(4, collate="list").rebatch(3, collate=raising(on)),
        r"rebatch\(3, .*\) over range\[40\], epoch 0, positions 20 to 23",
    ),
    "late shard": (
        lambda on: hr.stream(range(40)).map(fail_at(21, on)).filter(lambda x: True).shard(0, 2),
        r"map\(step\)#0 over range\[40\], epoch 0, position 21, index 21",
    ),
    "zip of chains": (
        lambda on: hr.stream(range(40)).map(fail_at(21, on)).zip(hr.stream(range(99)).map(same)),
        r"map\(step\)#0 over range\[40\], epoch 0, position 21, index 21",
    ),
    "map over chains": (
        lambda on: hr.stream(range(40)).filter(same).repeat(2).map(fail_at(21, on)),
        r"map\(step\)#2 over range\[40\], epoch 0$",
    ),
}


@each_backend
@pytest.mark.parametrize("name", CASES)
def test_an_error_comes_at_its_place_with_its_note_and_can_be_resumed(
    name: str, backend: Backend
) -> None:
    build, note = CASES[name]
    is_failing = [True]
    stream = build(is_failing)
    loader = hr.DataLoader(stream, backend=backend)
    iterator = iter(loader)
    found: list[Any] = []
    with pytest.raises(Failing, match="bad record 21") as caught:
        found.extend(iterator)
    with pytest.raises(Failing, match="bad record 21"):
        next(iterator)
    state = json.loads(json.dumps(loader.state_dict()))
    loader.shutdown()
    (only,) = caught.value.__notes__
    assert re.match(f"headrace: in {note}", only), only
    names = [entry.name for entry in caught.traceback]
    assert {"step", "__getitem__", "records", "collate", "several"} & set(names), names
    # The state points at the failing record: once it is mended, nothing is lost or doubled.
    is_failing[0] = False
    with hr.DataLoader(stream, backend=backend) as again:
        again.load_state_dict(state)
        rest = list(again)
    assert found + rest == stream.collect()


@pytest.mark.parametrize("name", CASES)
def test_states_at_an_error_are_equal_on_every_backend(name: str) -> None:
    found: list[Any] = []
    for backend in BACKENDS:
        loader = hr.DataLoader(CASES[name][0]([True]), backend=backend)
        with pytest.raises(Failing):
            list(loader)
        found.append(loader.state_dict())
        loader.shutdown()
    assert found[1:] == [found[0]] * 2


@pytest.mark.parametrize(
    "build",
    [
        lambda s: s,
        lambda s: s.batch(4, collate="list"),
        lambda s: s.filter(lambda x: True).batch(4, collate="list"),
        lambda s: s.flat_map(lambda x: [x, x]).shard(1, 2),
        lambda s: s.filter(lambda x: True).skip(3),
    ],
)
@each_backend
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_passes_and_loses_nothing(
    backend: Backend, build: Any, kind: type[BaseException]
) -> None:
    is_interrupted = [True]

    def step(x: int) -> int:
        if x == 21 and is_interrupted[0]:
            raise kind
        return x

    stream = build(hr.stream(range(40)).map(step))
    loader = hr.DataLoader(stream, backend=backend)
    found: list[Any] = []
    with pytest.raises(kind):
        found.extend(loader)
    is_interrupted[0] = False
    loader.load_state_dict(loader.state_dict())
    assert found + list(loader) == stream.collect()
    loader.shutdown()


@pytest.mark.timeout(60)
def test_a_source_that_ends_the_program_does_not_hang_its_consumer() -> None:
    def records() -> Iterator[int]:
        yield 1
        raise SystemExit(3)

    with hr.DataLoader(hr.stream(records), backend=hr.Threads(1)) as loader:
        iterator = iter(loader)
        assert next(iterator) == 1
        with pytest.raises(SystemExit):
            next(iterator)


def test_an_iterator_can_be_drawn_from_for_one_epoch_only() -> None:
    loader = hr.DataLoader(hr.stream(iter([1, 2])))
    assert list(loader) == [1, 2]
    with pytest.raises(hr.errors.StreamError, match="drawn from before"):
        list(loader)


@each_backend
def test_many_records_of_a_generator_pass_complete(backend: Backend) -> None:
    with hr.DataLoader(hr.stream(lambda: iter(range(5000))).map(same), backend=backend) as loader:
        assert list(loader) == list(range(5000))
        iterator = iter(loader)
        for _ in range(2500):
            next(iterator)
        loader.load_state_dict(loader.state_dict())
        assert list(loader) == list(range(2500, 5000))
