"""Weighted draws with replacement, by position."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.errors import ArgumentError, StreamError
from headrace.orders import Draws, Part, Range, Repeat, Shuffled, Slice, needs_seed, with_seed


def drawn(weights: Any, n: int, seed: int | None = 7, epoch: int = 0) -> list[int]:
    order = Draws(Range(len(weights)), weights, n, seed)
    found: list[int] = order.at(epoch, np.arange(n, dtype=np.int64)).tolist()
    return found


def test_shares_are_those_of_the_weights() -> None:
    counts = np.bincount(drawn([1, 0, 5, 4], 100_000), minlength=4)
    assert counts[1] == 0
    # Four standard deviations of a share of a half.
    assert abs(counts / 100_000 - [0.1, 0, 0.5, 0.4]).max() < 4 * (0.25 / 100_000) ** 0.5


@given(st.lists(st.sampled_from([0, 0.1, 3, 1e-300, 1e300]), min_size=1, max_size=9).filter(any))
def test_a_weight_of_zero_is_never_drawn(weights: list[float]) -> None:
    assert all(weights[index] > 0 for index in drawn(weights, 200))


def test_any_draw_is_made_without_the_others() -> None:
    order = Draws(Range(5), [1, 2, 3, 4, 5], 10**12, 7)
    places = np.array([10**12 - 1, 5, 0])
    assert order.at(0, places).tolist() == [order.at(0, places[k : k + 1])[0] for k in range(3)]
    assert drawn([1, 2, 3, 4, 5], 6)[5] == order.at(0, places)[1]


def test_each_epoch_and_seed_draws_others() -> None:
    runs = {tuple(drawn([1] * 50, 40, seed, epoch)) for seed in (1, 2) for epoch in (0, 1, 2)}
    assert len(runs) == 6
    assert drawn([1] * 50, 40, 1, 1) == drawn([1] * 50, 40, 1, 1)


def test_locate_finds_the_first_draw() -> None:
    inner = Slice(Range(40), 5, 35)
    order = Draws(inner, np.ones(30), 60, 3)
    visits = order.at(2, np.arange(60)).tolist()
    indices = np.arange(-1, 42)
    expected = [visits.index(i) if i in visits else -1 for i in indices.tolist()]
    assert order.locate(2, indices).tolist() == expected
    assert Draws(Range(3), [1, 0, 1], 10**6, 3).locate(0, np.array([1]))[0] == -1


def test_no_draws() -> None:
    assert Draws(Range(2), [1, 1], 0, 7).count(0) == 0
    assert Draws(Range(2), [1, 1], 0, 7).locate(0, np.array([0])).tolist() == [-1]


def test_draws_pickle_compare_print_and_take_a_seed_later() -> None:
    given_weights = np.array([1, 2])
    order = Draws(Shuffled(Range(2), 1), given_weights, 9)
    given_weights[:] = 0
    assert needs_seed(order)
    completed = with_seed(order, 5)
    again = pickle.loads(pickle.dumps(completed))
    assert again == completed == Draws(Shuffled(Range(2), 1), [1, 2], 9, 5)
    assert hash(again) == hash(completed)
    assert completed != Draws(Shuffled(Range(2), 1), [2, 1], 9, 5)
    assert str(completed).startswith("range(2) > shuffled(seed=1) > draws(9, ")
    assert again.at(0, np.arange(9)).tolist() == completed.at(0, np.arange(9)).tolist()
    assert Part(completed, 1, 2).count(0) == 4
    with pytest.raises(StreamError, match="a draws order needs a seed"):
        order.at(0, np.arange(2))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1], r"list of shape \(1,\) .* weights of 2 records. A flat list of numbers was expected"),
        ([[1, 2]], r"list of shape \(1, 2\)"),
        (["a", "b"], "dtype <U1 was given as the weights"),
        ([True, False], "dtype bool was given as the weights"),
        ([1, -1], "weight 1 of 2 is -1. A finite number of at least 0 was expected. Give 0"),
        ([float("nan"), 1], "weight 0 of 2 is nan"),
        ([1, float("inf")], "weight 1 of 2 is inf"),
        ([0, 0], "the weights of 2 records sum to 0.0. A finite number above 0 was expected"),
        ([1e308, 1e308], "the weights of 2 records sum to inf"),
        ([0, 5e-324], "the weights of 2 records sum to 5e-324.* scale huge or tiny weights"),
    ],
)
def test_what_are_no_weights_is_refused(weights: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Draws(Range(2), weights, 1, 7)


def test_a_wrong_count_or_seed_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"the number of draws must be .* at least 0, got -1"):
        Draws(Range(1), [1], -1, 7)
    with pytest.raises(ArgumentError, match="a seed must be a whole number"):
        Draws(Range(1), [1], 1, 0.5)  # type: ignore[arg-type]


def test_an_endless_order_is_refused() -> None:
    with pytest.raises(StreamError, match="cannot sample range.*which has no end.*repeat"):
        Draws(Repeat(Range(2), None), [1, 1], 1, 7)
