"""The global shuffle; its statistics are tested with the permutation."""

from __future__ import annotations

import numpy as np
import pytest

from headrace.contracts.errors import ArgumentError, StreamError
from headrace.orders import Range, Repeat, Shuffled


def test_each_epoch_has_another_order_of_the_same_indices() -> None:
    order, positions = Shuffled(Range(1000), seed=7), np.arange(1000)
    first, second = order.at(0, positions), order.at(1, positions)
    assert np.array_equal(np.sort(first), positions)
    assert np.array_equal(np.sort(second), positions)
    assert np.count_nonzero(first == second) < 10


@pytest.mark.parametrize("seed", [float("nan"), 1.5, True, "7", 2**64, -(2**63) - 1])
def test_a_seed_that_is_no_whole_number_of_64_bits_is_refused(seed: int) -> None:
    with pytest.raises(ArgumentError, match=r"seed must be .*64 bits, got .*Give an int"):
        Shuffled(Range(3), seed)


def test_numpy_integers_are_seeds() -> None:
    assert Shuffled(Range(3), np.int64(7)) == Shuffled(Range(3), 7)  # type: ignore[arg-type]


def test_a_missing_seed_is_an_error_at_first_use() -> None:
    with pytest.raises(StreamError, match="a shuffled order needs a seed, got None"):
        Shuffled(Range(3)).at(0, np.arange(3))


def test_an_endless_order_cannot_be_shuffled_as_a_whole() -> None:
    with pytest.raises(StreamError, match=r"cannot shuffle .*no end.*Put `repeat` after"):
        Shuffled(Repeat(Range(3), None), 7)


def test_a_shuffle_prints_its_seed() -> None:
    assert str(Shuffled(Range(5), -7)) == "range(5) > shuffled(seed=-7)"
