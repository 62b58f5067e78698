"""Whatever the user hands over becomes blocks of records, in its order."""

from __future__ import annotations

import itertools
import time
from collections import namedtuple
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.block import Columns, rows
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.contracts.order import Indices
from headrace.sources import Intake, SequenceRecords
from headrace.sources.sizes import BLOCK_BYTES, BLOCK_RECORDS

Pair = namedtuple("Pair", "x y")


def all_records(data: Any, limit: int | None = None) -> list[Any]:
    return [record for block in Intake(data, limit=limit) for record in rows(block)]


class Endless:
    """An iterable that says that it has no end."""

    is_infinite = True

    def __iter__(self) -> Iterator[int]:
        return itertools.count()


class MapStyle:
    """A map-style dataset that never raises IndexError, as torch's need not."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> int:
        return 10 * index


@pytest.mark.parametrize(
    "source",
    [
        [0, 1, 2],
        (0, 1, 2),
        range(3),
        iter([0, 1, 2]),
        (n for n in range(3)),
        lambda: [0, 1, 2],
        lambda: (n for n in range(3)),
        {0: None, 1: None, 2: None}.keys(),
        np.arange(3),
        SequenceRecords([0, 1, 2]),
        itertools.repeat(1, 0),
    ],
    ids=lambda source: type(source).__name__,
)
def test_each_kind_of_source_gives_its_records(source: Any) -> None:
    expected = [] if isinstance(source, itertools.repeat) else [0, 1, 2]
    assert [int(record) for record in all_records(source)] == expected


@given(count=st.integers(0, 10_000), limit=st.none() | st.integers(0, 12_000))
def test_limit_cuts_exactly_and_draws_no_more(count: int, limit: int | None) -> None:
    drawn = []

    def source() -> Iterator[int]:
        for number in range(count):
            drawn.append(number)
            yield number

    expected = list(range(count))[:limit]
    assert all_records(source(), limit) == expected
    assert len(drawn) == len(expected)
    assert all_records(SequenceRecords(range(count)), limit) == expected
    assert [int(n) for n in all_records(np.arange(count), limit)] == expected


def test_arrays_become_columns_without_a_copy() -> None:
    arrays = {"x": np.zeros((50_000, 64)), "deep": {"y": np.arange(50_000)}}
    blocks = list(Intake(arrays))
    assert sum(map(len, blocks)) == 50_000
    for block in blocks:
        assert isinstance(block, Columns)
        assert np.shares_memory(np.asarray(block.leaves[0]), np.asarray(arrays["x"]))
    assert blocks[-1][-1]["deep"]["y"] == 49_999


def test_a_named_tuple_of_arrays_is_columns() -> None:
    assert all_records(Pair(np.arange(2), np.arange(2) * 10))[1] == Pair(1, 10)


def test_a_tuple_of_arrays_is_ambiguous() -> None:
    with pytest.raises(ArgumentError, match="2 equally long arrays is 2 records or the columns"):
        Intake((np.arange(3), np.arange(3)))
    assert len(all_records((np.arange(3), np.arange(4)))) == 2


def test_a_map_style_dataset_ends_at_its_length() -> None:
    assert all_records(MapStyle()) == [0, 10, 20]


def test_large_records_come_in_small_blocks() -> None:
    size = BLOCK_BYTES // 4
    blocks = [len(block) for block in Intake(np.zeros(size, np.uint8) for _ in range(20))]
    assert max(blocks) <= 4
    assert sum(blocks) == 20


def test_small_records_come_in_large_blocks() -> None:
    sizes = [len(block) for block in Intake(iter(range(5 * BLOCK_RECORDS)))]
    assert max(sizes) == BLOCK_RECORDS
    assert sizes[0] == 1


def test_a_failing_source_gives_what_came_before() -> None:
    def source() -> Iterator[int]:
        yield from range(5)
        raise OSError("the user's disk")

    with pytest.raises(OSError, match="the user's disk"):
        all_records(source())
    drawn = 0
    with suppress(OSError):
        for block in Intake(source()):
            drawn += len(block)
    assert drawn == 5


def test_nothing_is_drawn_or_called_before_the_first_block() -> None:
    calls: list[int] = []

    def source() -> Iterator[int]:
        calls.append(1)
        yield 1

    blocks = iter(Intake(source))
    assert calls == []
    next(blocks)
    assert calls == [1]


def test_records_that_give_too_few_are_refused() -> None:
    class Short:
        def __len__(self) -> int:
            return 5

        def read(self, indices: Indices) -> list[int]:
            return []

    with pytest.raises(RecordError, match=r"Short\.read gave 0 records for 1 indices"):
        all_records(Short())


@pytest.mark.parametrize(
    "endless",
    [itertools.count(), itertools.cycle([1]), itertools.repeat(1), Endless()],
    ids=["count", "cycle", "repeat", "is_infinite"],
)
def test_y_b19_an_infinite_source_needs_a_limit(endless: Any) -> None:
    with pytest.raises(ArgumentError, match=r"never ends. Say how many records .* limit="):
        Intake(endless)
    assert len(all_records(endless, limit=7)) == 7


def test_a_method_named_is_infinite_says_nothing_of_the_end() -> None:
    class Series:
        def is_infinite(self) -> list[bool]:
            return [False, False]

        def __iter__(self) -> Iterator[int]:
            return iter([1, 2])

    assert all_records(Series()) == [1, 2]


def test_y_b19_a_function_that_returns_an_infinite_source_needs_a_limit() -> None:
    with pytest.raises(ArgumentError, match="never ends"):
        next(iter(Intake(itertools.count)))
    assert all_records(itertools.count, limit=3) == [0, 1, 2]


def test_a_string_is_taken_for_a_path() -> None:
    with pytest.raises(ArgumentError, match=r"got '/data/photos'. Is it a path\?"):
        Intake("/data/photos")


@pytest.mark.parametrize("unknown", [7, None, b"bytes"], ids=["int", "None", "bytes"])
def test_an_unknown_source_lists_what_is_accepted(unknown: Any) -> None:
    with pytest.raises(ArgumentError, match=r"no known source of records. Pass an iterable"):
        Intake(unknown)


@pytest.mark.parametrize(
    ("methods", "near"),
    [
        (["__getitem__"], "a sequence, which has __len__ beside __getitem__"),
        (["__len__"], "a sequence, which has __getitem__ beside __len__"),
        (["__next__"], "an iterator, which has __iter__ beside __next__"),
        (["__aiter__"], "an iterable, but asynchronous: gather its records in a list"),
    ],
)
def test_an_unknown_source_is_told_what_it_is_nearest_to(methods: list[str], near: str) -> None:
    unknown = type("Loader", (), dict.fromkeys(methods, len))()
    with pytest.raises(ArgumentError, match=rf"Loader is no .* nearest to {near}\. Pass an iter"):
        Intake(unknown)


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ArgumentError, match="one common length"):
        Intake({"x": np.arange(3), "y": np.arange(4)})


def test_a_limit_is_a_whole_number() -> None:
    with pytest.raises(ArgumentError, match="limit must be a whole number of at least 0, got -1"):
        Intake([1], limit=-1)


def test_length_hints(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert Intake([1, 2]).total == 2
    assert Intake(iter([1, 2])).total == 2
    assert Intake([1, 2, 3], limit=2).total == 2
    assert Intake({"x": np.arange(5)}).total == 5
    assert Intake(tmp_path).total == 1
    assert Intake(n for n in range(3)).total is None
    assert Intake(itertools.repeat(1), limit=9).total is None
    assert Intake(lambda: [1]).total is None


def test_a_slow_source_comes_in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        def __len__(self) -> int:
            return 200

        def __getitem__(self, index: int) -> int:
            clock[0] += 0.05
            return index

    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    for source in (Slow(), map(Slow().__getitem__, range(200))):
        sizes = [len(block) for block in Intake(source)]
        assert sum(sizes) == 200
        assert max(sizes) <= 8


def test_batches_are_taken_apart_where_that_is_said() -> None:
    batches = [{"x": np.arange(3)}, {"x": np.arange(3, 5)}]

    for source in (batches, lambda: iter(batches)):
        intake = Intake(source, limit=4, unbatch=True)
        assert [record["x"] for block in intake for record in rows(block)] == [0, 1, 2, 3]
    assert Intake(batches, unbatch=True).total is None
    with pytest.raises(ArgumentError, match="never ends"):
        Intake(itertools.repeat(batches[0]), unbatch=True)


def test_a_limit_of_nothing_draws_nothing_of_blocks_either() -> None:
    asked: list[int] = []

    class Columned:
        identity, size, is_endless = "columned", None, False

        def draw(self, epoch: int) -> Iterator[int]:
            return iter(())

        def blocks(self, epoch: int) -> Iterator[list[int]]:
            asked.append(epoch)
            yield [1]

    assert list(Intake(Columned(), limit=0)) == []
    assert asked == []
