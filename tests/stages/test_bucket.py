"""`bucket`: like lengths together, windows, the order of batches, and bad input."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace as hr
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.testing import check_stage

# Any, in this file: batches.


def length_of(x: int) -> int:
    return x * 7 % 5


@pytest.mark.parametrize("boundaries", [None, [1, 3]])
@pytest.mark.parametrize("drop_last", [False, True])
def test_bucket_conforms(boundaries: Any, drop_last: bool) -> None:
    for build in (lambda s: s, lambda s: s.filter(lambda x: x % 3), lambda s: s.skip(1)):
        check_stage(
            lambda stream, build=build: build(stream).bucket(  # type: ignore[misc]
                2, window=5, key=length_of, boundaries=boundaries, drop_last=drop_last
            )
        )


def test_bucket_beside_the_consumer_conforms() -> None:
    check_stage(lambda s: s.filter(lambda x: x % 3).skip(1).bucket(2, window=4, key=length_of))


@given(
    st.lists(st.integers(0, 12), max_size=40),
    st.integers(1, 5),
    st.integers(1, 12),
    st.none() | st.lists(st.integers(0, 12), min_size=1, max_size=4, unique=True).map(sorted),
)
def test_buckets_are_those_of_plain_python(
    lengths: list[int], size: int, window: int, boundaries: list[int] | None
) -> None:
    records = list(enumerate(lengths))
    stream = hr.stream(records).bucket(
        size, window=window, key=lambda r: r[1], boundaries=boundaries, collate="list"
    )
    found: Any = iter(stream.collect())
    for start in range(0, len(records), window):
        part = records[start : start + window]
        if boundaries is None:
            buckets = [sorted(part, key=lambda record: record[1])]
        else:
            # The bucket of a length is the number of boundaries below it.
            of = [sum(b < length for b in boundaries) for _, length in part]
            buckets = [
                [r for r, k in zip(part, of, strict=True) if k == j] for j in sorted(set(of))
            ]
        batches = [b[k : k + size] for b in buckets for k in range(0, len(b), size)]
        given_ = [next(found) for _ in batches]
        assert Counter(map(str, given_)) == Counter(map(str, batches))
    assert next(found, None) is None


def test_the_order_of_batches_is_random_differs_by_epoch_and_not_by_run() -> None:
    stream = hr.stream(range(64)).bucket(2, window=64, key=int, collate="list")
    epochs = [stream.epoch(epoch).collect() for epoch in range(3)]
    assert stream.epoch(1).collect() == epochs[1]
    in_order = [[k, k + 1] for k in range(0, 64, 2)]
    assert all(epoch != in_order and sorted(epoch) == in_order for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_batches_are_padded_to_their_own_longest() -> None:
    arrays = [np.ones(n) for n in (1, 5, 2, 6)]
    batches: Any = hr.stream(arrays).bucket(2, window=4).collect()
    assert sorted(batch.shape for batch in batches) == [(2, 2), (2, 6)]
    fixed: Any = hr.stream(arrays).bucket(2, window=4, boundaries=[4], collate="list")
    assert sorted(b.shape for b in fixed.pad(multiple_of=4).collect()) == [(2, 4), (2, 8)]


def test_a_failing_key_is_noted_with_the_stage_and_its_positions() -> None:
    def key(x: int) -> int:
        return 10 // (x - 5)

    with pytest.raises(ZeroDivisionError) as caught:
        hr.stream(range(8)).bucket(2, window=4, key=key).collect()
    note = caught.value.__notes__[0]
    assert "in bucket(2, window=4" in note
    assert "positions 4 to 7" in note


def test_a_key_that_gives_no_whole_number_is_refused() -> None:
    with pytest.raises(RecordError, match="bucket's key gave 1.5 for a record.*Pass a function"):
        hr.stream([1]).bucket(2, window=4, key=lambda x: 1.5).collect()  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("bad", [0, -1, 2.5])
def test_a_size_or_window_below_one_is_refused(bad: Any) -> None:
    with pytest.raises(ArgumentError, match="batch size must be .* Give the number of records"):
        hr.stream([1]).bucket(bad, window=4)
    with pytest.raises(ArgumentError, match="the window of bucket must be .* 100 batches"):
        hr.stream([1]).bucket(2, window=bad)


@pytest.mark.parametrize("boundaries", [[], [3, 3], [5, 2]])
def test_boundaries_that_do_not_rise_are_refused(boundaries: list[int]) -> None:
    with pytest.raises(ArgumentError, match=r"boundaries of bucket must be .* rise, got .*Sort"):
        hr.stream([1]).bucket(2, window=4, boundaries=boundaries)


def test_a_boundary_that_is_no_length_is_refused() -> None:
    with pytest.raises(ArgumentError, match="a boundary of bucket must be .* got -1"):
        hr.stream([1]).bucket(2, window=4, boundaries=[-1, 3])
    with pytest.raises(ArgumentError, match=r"must be lengths that rise, got 128\. Sort"):
        hr.stream([1]).bucket(2, window=4, boundaries=128)  # type: ignore[arg-type]


def test_what_is_no_key_or_collate_is_refused() -> None:
    with pytest.raises(ArgumentError, match="a function of one record was expected, got 5"):
        hr.stream([1]).bucket(2, window=4, key=5)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="collate must be"):
        hr.stream([1]).bucket(2, window=4, collate="heap")  # type: ignore[arg-type]
