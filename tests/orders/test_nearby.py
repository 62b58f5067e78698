"""The shuffle in which an index moves a little."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.errors import ArgumentError, StreamError
from headrace.orders import Nearby, Range


@given(st.integers(0, 2000), st.integers(1, 2500), st.integers(0, 5))
def test_no_index_moves_further_than_the_window(size: int, window: int, epoch: int) -> None:
    order, positions = Nearby(Range(size), window, seed=3), np.arange(size)
    found = order.at(epoch, positions)
    assert np.array_equal(np.sort(found), positions)
    assert np.abs(found - positions).max(initial=0) <= window
    assert np.array_equal(order.locate(epoch, found), positions)


@pytest.mark.parametrize("window", [1, 2, 3, 10, 100, 5000])
def test_the_bound_is_reached_and_the_stated_quality_holds(window: int) -> None:
    size = 200_000
    moved = Nearby(Range(size), window, seed=3).at(0, np.arange(size)) - np.arange(size)
    # The run is rounded down to whole positions, so that one place may stay unused.
    assert np.abs(moved).max() >= 0.99 * window - 1
    assert np.abs(moved).max() >= 1
    if window >= 10:
        assert np.sqrt(np.mean(moved.astype(float) ** 2)) / window == pytest.approx(0.43, abs=0.03)


def test_no_border_is_closed_within_an_epoch() -> None:
    found = Nearby(Range(20_000), 50, seed=3).at(0, np.arange(20_000))
    # A closed border is a cut before which exactly the indices below it stand.
    closed = np.flatnonzero(np.maximum.accumulate(found)[:-1] == np.arange(19_999))
    assert len(closed) < 20


def test_any_position_of_a_huge_order_is_reached_at_once() -> None:
    order, positions = Nearby(Range(10**12), 1000, seed=3), np.array([10**12 - 1, 5 * 10**11, 0])
    found = order.at(0, positions)
    assert np.abs(found - positions).max() <= 1000
    assert order.locate(0, found).tolist() == positions.tolist()


@pytest.mark.parametrize("window", [0, -1, 0.5])
def test_a_window_below_one_is_refused(window: int) -> None:
    with pytest.raises(ArgumentError, match=r"nearby shuffle must be .*how many places"):
        Nearby(Range(5), window, 7)


def test_a_seed_is_checked_and_needed() -> None:
    with pytest.raises(ArgumentError, match="seed must be"):
        Nearby(Range(5), 2, 1.0)  # type: ignore[arg-type]
    with pytest.raises(StreamError, match="needs a seed"):
        Nearby(Range(5), 2).at(0, np.arange(5))


def test_a_nearby_shuffle_prints_window_and_seed() -> None:
    assert str(Nearby(Range(5), 2, 7)) == "range(5) > nearby(2, seed=7)"
