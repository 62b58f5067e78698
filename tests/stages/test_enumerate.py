"""`enumerate`: numbers by position, or counted."""

from __future__ import annotations

from typing import Any

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.testing import check_stage


def test_enumerate_conforms() -> None:
    check_stage(lambda stream: stream.enumerate(5), lambda records: enumerate(records, 5))


def test_enumerate_after_a_filter_counts_what_is_left() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).enumerate(),
        lambda records: enumerate(x for x in records if x % 3),
    )


def test_enumerate_after_a_late_filter_counts_what_is_left() -> None:
    stream = hr.stream(range(20)).filter(lambda x: x % 2 == 0).batch(2, collate="list")
    late = stream.filter(lambda batch: batch[0] % 8 == 0).enumerate()
    assert late.collect() == [(0, [0, 2]), (1, [8, 10]), (2, [16, 18])]


def test_two_enumerates_count_alike() -> None:
    expected = [(5, (0, "a")), (6, (1, "b"))]
    assert hr.stream(["a", "b"]).enumerate().enumerate(5).collect() == expected
    late = hr.stream(["a", "b"]).filter(bool).enumerate().enumerate(5)
    assert late.collect() == expected


def test_the_number_stays_with_its_record_under_a_shuffle() -> None:
    stream = hr.stream(range(10, 20)).enumerate().shuffle(5, seed=1)
    assert sorted(stream) == [(k, k + 10) for k in range(10)]


@pytest.mark.parametrize("start", [None, -1, 1.5, "a", True])
def test_a_start_that_is_no_count_is_refused(start: Any) -> None:  # Any: what users pass
    with pytest.raises(ArgumentError, match=r"the start of enumerate must be a whole number .* 0"):
        hr.stream([1]).enumerate(start)


@pytest.mark.parametrize("build", [lambda s: s, lambda s: s.filter(lambda x: True)])
def test_s_b14_numbers_restart_in_each_epoch(build: Any) -> None:
    stream = build(hr.stream(["a", "b", "c"])).enumerate()
    numbered = [(0, "a"), (1, "b"), (2, "c")]
    loader = hr.DataLoader(stream)
    assert [list(loader) for _ in range(3)] == [numbered] * 3
    assert stream.repeat(2).collect() == stream.cycle(2).collect() == numbered * 2
