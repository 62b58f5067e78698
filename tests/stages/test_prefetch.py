"""`prefetch`: what comes before runs ahead, in a thread."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.testing import check_stage

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("n", [1, 4])
def test_prefetch_conforms(n: int) -> None:
    check_stage(
        lambda stream: stream.map(lambda x: x + 1).prefetch(n),
        lambda records: (x + 1 for x in records),
        slack=n,
    )


def test_prefetch_over_joined_chains_and_before_batches_conforms() -> None:
    check_stage(
        lambda stream: (
            stream.filter(lambda x: x % 2)
            .prefetch(2)
            .repeat(2)
            .prefetch(3)
            .batch(2, collate="list")
        ),
        sizes=(0, 1, 11),
    )


def test_as_many_as_said_are_ready_before_they_are_asked_for() -> None:
    drawn: list[int] = []
    reached = threading.Semaphore(0)

    def seen(x: int) -> None:
        drawn.append(x)
        reached.release()

    records = iter(hr.stream(itertools.count).tap(seen).prefetch(3))
    assert drawn == []
    assert next(records) == 0
    for _ in range(4):
        assert reached.acquire(timeout=30)
    assert drawn == [0, 1, 2, 3]


def test_what_comes_before_runs_in_another_thread() -> None:
    threads = hr.stream(range(3)).map(lambda _: threading.current_thread().name).prefetch(2)
    assert set(threads) == {"headrace-ahead"}


@pytest.mark.parametrize("n", [0, -2, "3"])
def test_s_b4_to_prefetch_less_than_one_is_refused(n: Any) -> None:
    with pytest.raises(ArgumentError, match="records to prefetch must be .* leave it out"):
        hr.stream([1]).prefetch(n)
