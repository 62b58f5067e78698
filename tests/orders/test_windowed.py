"""The windowed shuffle as an order."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest

from headrace.contracts.errors import ArgumentError, StreamError
from headrace.contracts.order import Order
from headrace.orders import Range, Repeat, Windowed


# Table and network, whole windows and a short last one, one window larger than all.
@pytest.mark.parametrize("window", [1, 2, 7, 256, 257, 1000, 5000, 2**70])
def test_each_aligned_window_is_shuffled_in_itself(window: int) -> None:
    order, positions = Windowed(Range(3300), window, seed=7), np.arange(3300)
    found = order.at(2, positions)
    assert np.array_equal(np.sort(found), positions)
    length = min(window, 3300)
    assert np.array_equal(found // length, positions // length)
    assert window == 1 or np.count_nonzero(found == positions) < 3300 / window * 2 + 30
    assert np.array_equal(order.locate(2, found), positions)


@pytest.mark.parametrize("window", [100, 700])
def test_positions_asked_alone_or_in_any_sequence_give_the_same(window: int) -> None:
    order = Windowed(Range(10**9), window, seed=7)
    asked = np.random.default_rng(0).integers(0, 10**9, 300)
    together = order.at(0, asked)
    alone = [order.at(0, asked[k : k + 1])[0] for k in range(300)]
    assert together.tolist() == alone
    assert np.array_equal(order.locate(0, together), asked)


def test_windows_and_epochs_are_shuffled_independently_and_evenly() -> None:
    order = Windowed(Range(4 * 6000), 4, seed=7)
    for epoch in (0, 1):
        rows = order.at(epoch, np.arange(order.count(epoch))).reshape(-1, 4) % 4
        counts = Counter(map(tuple, rows.tolist()))
        assert set(counts) == set(permutations(range(4)))
        spread = sum((count - 250) ** 2 / 250 for count in counts.values())
        assert spread < 23 + 5 * np.sqrt(2 * 23)


def test_windows_go_on_without_end_over_an_endless_order() -> None:
    order = Windowed(Repeat(Range(5), None), 4, seed=7)
    positions = np.arange(10**15, 10**15 + 20)
    expected = Repeat(Range(5), None).at(0, positions).reshape(-1, 4)
    assert np.array_equal(
        np.sort(order.at(0, positions).reshape(-1, 4), axis=1), np.sort(expected, axis=1)
    )


@pytest.mark.parametrize("window", [0, -3, 1.5, float("nan")])
def test_a_window_below_one_is_refused(window: int) -> None:
    with pytest.raises(ArgumentError, match=r"window of a shuffle must be .*Give the number"):
        Windowed(Range(5), window, 7)


def test_a_seed_is_checked_and_needed() -> None:
    with pytest.raises(ArgumentError, match="seed must be"):
        Windowed(Range(5), 2, float("nan"))  # type: ignore[arg-type]
    order: Order = Windowed(Range(5), 2)
    with pytest.raises(StreamError, match="a windowed order needs a seed"):
        order.at(0, np.arange(5))


def test_a_windowed_shuffle_prints_window_and_seed() -> None:
    assert str(Windowed(Range(5), 2, 7)) == "range(5) > windowed(2, seed=7)"
