"""`rebatch`: batches of one size made batches of another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Run
from headrace.contracts.errors import ArgumentError
from headrace.testing import check_stage

# Any, in this file: batches.


def batched(records: Iterator[int], size: int) -> Iterator[list[int]]:
    while batch := list(islice(records, size)):
        yield batch


def rebatched(records: Iterator[int], first: int, then: int) -> Iterator[list[int]]:
    return batched((x for batch in batched(records, first) for x in batch), then)


@pytest.mark.parametrize(("first", "then"), [(2, 3), (3, 2), (4, 2), (1, 5), (5, 1)])
def test_rebatch_conforms(first: int, then: int) -> None:
    check_stage(
        lambda stream: stream.batch(first, collate="list").rebatch(then, collate="list"),
        lambda records: rebatched(records, first, then),
    )


def test_rebatch_after_a_filter_conforms() -> None:
    check_stage(
        lambda stream: (
            stream.filter(lambda x: x % 3).batch(3, collate="list").rebatch(2, collate="list")
        ),
        lambda records: rebatched((x for x in records if x % 3), 3, 2),
    )


def test_a_short_last_batch_can_be_dropped() -> None:
    stream = hr.stream(range(7)).batch(2, collate="list")
    assert stream.rebatch(3, drop_last=True, collate="list").collect() == [[0, 1, 2], [3, 4, 5]]


def test_stacked_batches_are_cut_along_their_first_axis() -> None:
    batches: Any = hr.stream({"x": np.arange(5)}).batch(2).rebatch(3).collect()
    assert [batch["x"].tolist() for batch in batches] == [[0, 1, 2], [3, 4]]


def test_an_interrupted_rebatch_resumes_at_its_first_record() -> None:
    is_interrupted = [True]

    def step(x: int) -> int:
        if x == 5 and is_interrupted:
            is_interrupted.pop()
            raise KeyboardInterrupt
        return x

    loader = hr.DataLoader(
        hr.stream(range(8)).map(step).batch(2, collate="list").rebatch(3, collate="list")
    )
    found: list[Any] = []
    with pytest.raises(KeyboardInterrupt):
        found.extend(loader)
    loader.load_state_dict(loader.state_dict())
    assert found + list(loader) == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_a_size_of_none_is_refused() -> None:
    with pytest.raises(
        ArgumentError, match=r"batch size must be .* got 0. To get single .*unbatch"
    ):
        hr.stream([[1]]).rebatch(0)


def test_small_batches_of_a_large_one_cost_no_copy_of_the_rest() -> None:
    class Cut(list[int]):
        """A batch that notes how many records each cut of it takes."""

        cuts: ClassVar[list[int]] = []

        def __getitem__(self, where: Any) -> Any:
            found = super().__getitem__(where)
            self.cuts.append(len(found))
            return found

    stream = hr.stream([0]).map(lambda _: Cut(range(100))).rebatch(1, collate="list")
    assert len(stream.collect()) == 100
    assert sum(Cut.cuts) == 100


def test_s_b16_the_last_short_batch_is_kept_unless_it_is_dropped() -> None:
    stream = hr.stream(range(5)).batch(4, collate="list")
    assert stream.rebatch(2, collate="list").collect() == [[0, 1], [2, 3], [4]]
    assert stream.rebatch(2, collate="list", drop_last=True).collect() == [[0, 1], [2, 3]]


def test_nothing_comes_after_a_batch_that_fails() -> None:
    def join(records: list[int]) -> list[int]:
        if 3 in records:
            raise ValueError("three")
        return records

    stream = hr.stream(range(20)).batch(2, collate="list").rebatch(3, collate=join)
    cursor = stream.node.open(Run())
    assert cursor.read(4) == [[0, 1, 2]]
    again = stream.node.open(Run(), cursor.state())
    for one in (cursor, cursor, again):
        with pytest.raises(ValueError, match="three"):
            one.read(4)
