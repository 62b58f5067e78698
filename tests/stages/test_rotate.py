"""`rotate`: each record of a window is used several times, and never too often."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headrace as hr
from headrace import stages
from headrace.contracts import Run, iterate
from headrace.contracts.errors import ArgumentError, RecordError, StorageError
from headrace.testing import check_stage
from headrace.testing.stages import states


@pytest.fixture(params=["memory", "disk"])
def medium(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    return {"medium": "disk", "path": tmp_path} if request.param == "disk" else {}


def files(path: Path) -> list[Path]:
    return [one for one in path.rglob("*") if one.is_file() and one.suffix != ".lock"]


def rotated(records: Iterator[int], times: int, window: int, seed: int) -> Iterator[int]:
    """What epoch 0 gives, said in a few lines."""
    stage = stages.Rotate(times, window, seed=seed)
    number = 0
    while True:
        held = []
        for record in records:
            held.append(record)
            yield record
            if len(held) == window:
                break
        if not held:
            return
        for turn in range(1, times):
            order = stage.order(Run(), len(held), number, turn).tolist()
            yield from (held[index] for index in order)
        number += 1


@pytest.mark.parametrize(("times", "window"), [(1, 3), (2, 1), (3, 4), (2, 100)])
def test_rotate_conforms(times: int, window: int) -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).rotate(times, window=window, seed=1),
        lambda records: rotated((x for x in records if x % 3), times, window, 1),
    )


def test_rotate_on_disk_conforms(tmp_path: Path) -> None:
    check_stage(
        lambda stream: stream.rotate(3, window=5, medium="disk", path=tmp_path, seed=2),
        lambda records: rotated(records, 3, 5, 2),
        sizes=(0, 1, 11),
    )
    assert files(tmp_path) == []


def test_rotate_before_and_after_other_windows_conforms() -> None:
    check_stage(
        lambda stream: (
            stream.batch(3)
            .shuffle(2, seed=1)
            .rotate(2, window=2, seed=1)
            .unbatch()
            .rotate(2, window=5, seed=1)
        )
    )


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(0, 40),
    times=st.integers(1, 4),
    window=st.integers(1, 15),
    epoch=st.integers(0, 2),
)
def test_each_window_comes_round_by_round(count: int, times: int, window: int, epoch: int) -> None:
    stream = hr.stream(range(count)).rotate(times, window=window, seed=3).epoch(epoch)
    found = stream.collect()
    assert len(found) == len(stream) == count * times
    for start in range(0, count, window):
        expected = list(range(start, min(start + window, count)))
        for turn in range(times):
            begin = start * times + turn * len(expected)
            part = found[begin : begin + len(expected)]
            assert sorted(part) == expected
            assert turn or part == expected


def test_rounds_windows_and_epochs_have_orders_of_their_own() -> None:
    stream = hr.stream(range(40)).rotate(3, window=20, seed=1)
    orders = {
        tuple(np.array(records[start : start + 20]) % 20)
        for records in (stream.epoch(0).collect(), stream.epoch(1).collect())
        for start in (20, 40, 80, 100)
    }
    assert len(orders) == 8


def test_both_media_give_the_same_and_their_states_are_one(tmp_path: Path) -> None:
    def build(**medium: Any) -> hr.Stream[Any]:
        arrays: Any = {"x": np.arange(22).reshape(11, 2), "y": np.arange(11)}
        return hr.stream(arrays).filter(lambda r: r["y"] % 4).rotate(3, window=4, **medium)

    memory, disk = build(), build(medium="disk", path=tmp_path)
    for seed in (1, 2):
        for epoch in (0, 1):
            loaders = [hr.DataLoader(one.epoch(epoch), seed=seed) for one in (memory, disk)]
            assert list(map(repr, loaders[0])) == list(map(repr, loaders[1]))
    assert str(memory.node) == str(disk.node)


def test_a_state_of_one_medium_loads_for_the_other(tmp_path: Path) -> None:
    memory = hr.stream(range(7)).rotate(2, window=3, seed=1)
    disk = hr.stream(range(7)).rotate(2, window=3, seed=1, medium="disk", path=tmp_path)
    expected = memory.collect()
    assert states(memory, hr.Inline()) == states(disk, hr.Threads(2))
    for cut, state in enumerate(states(memory, hr.Inline())[0][:-1]):
        loader = hr.DataLoader(disk)
        loader.load_state_dict(state)
        assert list(loader) == expected[cut:]


def test_a_record_that_is_slow_to_make_is_made_once(medium: dict[str, Any]) -> None:
    calls: Counter[int] = Counter()

    def slow(x: int) -> int:
        calls[x] += 1
        return x

    records = iter(hr.stream(range(10)).map(slow).rotate(4, window=5, seed=1, **medium))
    assert [next(records) for _ in range(3)] == [0, 1, 2]
    assert sum(calls.values()) == 3
    assert len(list(records)) == 37
    assert set(calls.values()) == {1}


def test_changes_in_place_do_not_reach_the_next_round(medium: dict[str, Any]) -> None:
    def augmented(array: np.ndarray[Any, Any]) -> float:
        array += 1
        return float(array.sum())

    made = hr.stream(lambda: (np.full(1 + n % 2, float(n)) for n in range(6)))
    found = made.rotate(3, window=3, seed=1, **medium).map(augmented).collect()
    assert sorted(found[:9]) == sorted([1.0, 4.0, 3.0] * 3)
    assert sorted(found[9:]) == sorted([8.0, 5.0, 12.0] * 3)


def test_any_object_that_pickle_takes_is_rotated(medium: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    stream = hr.stream([{"t": torch.ones(2), "s": {1, 2}}] * 2)
    for record in stream.rotate(2, window=2, seed=1, **medium):
        assert type(record["t"]) is torch.Tensor
        assert record["s"] == {1, 2}


def test_files_are_gone_when_the_window_is_written_or_the_cursor_ends(tmp_path: Path) -> None:
    stream = hr.stream(range(6)).rotate(3, window=4, medium="disk", path=tmp_path, seed=1)

    def begun(count: int) -> Any:
        cursor = stream.node.open(Run())
        while count:
            count -= len(cursor.read(count))
        return cursor

    for count in (1, 3, 4, 5, 13):
        cursor = begun(count)
        assert len(list(tmp_path.rglob("0"))) == (count in (1, 3, 4, 13)), count
        cursor.close()
        assert list(tmp_path.rglob("0")) == []
    dropped = begun(2)
    assert list(tmp_path.rglob("0"))
    del dropped
    assert list(tmp_path.rglob("0")) == []

    def step(x: int) -> int:
        if x == 2:
            raise ValueError("two")
        return x

    failing = (
        hr.stream(range(6)).map(step).rotate(3, window=4, medium="disk", path=tmp_path, seed=1)
    )
    with pytest.raises(ValueError, match="two"):
        failing.collect()
    assert list(tmp_path.rglob("0")) == []


def test_an_error_resumes_at_the_failing_record(medium: dict[str, Any]) -> None:
    is_failing = [True]

    def step(x: int) -> int:
        if x == 4 and is_failing:
            is_failing.pop()
            raise ValueError("four")
        return x

    stream = hr.stream(range(7)).map(step).rotate(2, window=3, seed=1, **medium)
    loader = hr.DataLoader(stream)
    found: list[int] = []
    with pytest.raises(ValueError, match="four"):
        found.extend(loader)
    loader.load_state_dict(loader.state_dict())
    assert found + list(loader) == stream.collect()
    assert found == stream.collect()[:7]


def test_a_failing_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    import resource

    arrays = {"x": np.random.default_rng(1).random((300, 50))}
    stream = hr.stream(arrays).rotate(2, window=200, medium="disk", path=tmp_path, seed=1)
    loader = hr.DataLoader(stream)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    found: list[Any] = []
    try:
        with pytest.raises(StorageError, match=r"cannot write .* limit of a file's size"):
            found.extend(loader)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(tmp_path) == []
    assert len(found) == 200
    loader.load_state_dict(loader.state_dict())
    found.extend(loader)
    assert list(map(repr, found)) == list(map(repr, stream))


def test_d_b25_a_long_window_costs_no_more_a_record(medium: dict[str, Any]) -> None:
    stream = hr.stream(np.arange(60_000)).rotate(2, window=60_000, seed=1, **medium)
    began = time.monotonic()
    cursor = stream.node.open(Run())
    count = 0
    while block := list(cursor.read(1_000)):
        count += len(block)
    cursor.close()
    assert count == 120_000
    # A look through the window for each record takes minutes; this, a tenth of a second.
    assert time.monotonic() - began < 20


def test_ranks_have_other_orders_of_the_same_seed() -> None:
    stream = hr.stream([7, 8, 9] * 8).rotate(2, window=12, seed=1)
    found = []
    for rank in range(2):
        cursor = stream.node.open(Run(rank=rank, world_size=2))
        found.append(list(iterate(cursor)))
    assert len(found[0]) == len(found[1]) == 24
    assert found[0][12:] != found[1][12:]


GOOD: dict[str, Any] = {"times": 2, "window": 2, "seed": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"times": 0}, "times to use a record must be .* got 0. 1 leaves"),
        ({"times": 1.5}, "times to use a record must be .* got 1.5"),
        ({"window": 0}, "rotate window must be .* got 0. Give the number"),
        (
            {"medium": "dusk"},
            "medium must be 'memory' or 'disk', got 'dusk'. Did you mean .*'disk'",
        ),
        ({"medium": "disk"}, r"rotate\(medium='disk'\) was given path=None.* Give path="),
        ({"path": "here"}, r"rotate\(medium='memory'\) was given path='here'"),
        ({"seed": "7"}, "a seed must be a whole number"),
        ({"medium": "disk", "path": 3}, "a window of rotate is kept in a folder, got 3"),
        ({"medium": "disk", "path": __file__}, "kept in a folder, and .*test_rotate.py is a file"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        hr.stream([1]).rotate(**{**GOOD, **arguments})


def test_without_any_seed_it_says_where_to_give_one() -> None:
    stream = hr.stream(range(9)).rotate(2, window=4)
    with pytest.raises(ArgumentError, match=r"there is no seed .* Give one to .rotate\(seed=7\)"):
        stream.collect()
    assert list(hr.DataLoader(stream, seed=1)) == list(hr.DataLoader(stream, seed=1))
    assert hr.stream(range(9)).rotate(1, window=4).collect() == list(range(9))


def test_what_disk_cannot_keep_is_refused(tmp_path: Path) -> None:
    stream = hr.stream([2**70, 1]).rotate(2, window=2, medium="disk", path=tmp_path, seed=1)
    with pytest.raises(RecordError, match='needs more than 64 bits.* Or use medium="memory"'):
        stream.collect()
    assert list(tmp_path.rglob("0")) == []
    memory = hr.stream([2**70, 1]).rotate(2, window=2, seed=1)
    assert sorted(memory.collect()) == [1, 1, 2**70, 2**70]
