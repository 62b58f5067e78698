"""Chosen positions of an order."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from headrace.contracts.errors import ArgumentError
from headrace.orders import Range, Select, Shuffled


def test_repeats_are_allowed_and_locate_gives_the_first() -> None:
    order = Select(Range(9), (4, 2, 4, 8))
    assert order.at(0, np.arange(4)).tolist() == [4, 2, 4, 8]
    assert order.locate(0, np.array([4, 8, 0, 99, -1])).tolist() == [0, 3, -1, -1, -1]


def test_lists_tuples_and_arrays_of_the_same_indices_are_equal() -> None:
    tuples, arrays = Select(Range(9), (1, 2)), Select(Range(9), np.array([1, 2], np.uint8))
    assert tuples == arrays
    assert hash(tuples) == hash(arrays)
    assert tuples != Select(Range(9), (2, 1))


def test_the_indices_are_a_copy_that_cannot_be_written_also_after_pickling() -> None:
    given = np.array([1, 2])
    order = Select(Range(9), given)
    given[0] = 5
    for each in (order, pickle.loads(pickle.dumps(order))):
        assert each.at(0, np.arange(2)).tolist() == [1, 2]
        with pytest.raises(ValueError, match="read-only"):
            each.indices[0] = 3  # type: ignore[index]


def test_it_chooses_positions_of_a_shuffled_order() -> None:
    shuffled = Shuffled(Range(9), 7)
    assert Select(shuffled, [3]).at(2, np.array([0])) == shuffled.at(2, np.array([3]))


@pytest.mark.parametrize("wrong", [9, -1])
def test_an_index_of_no_position_is_named(wrong: int) -> None:
    with pytest.raises(ArgumentError, match=rf"index {wrong} \(number 1 of 2\).*9 positions of"):
        Select(Range(9), (0, wrong))


@pytest.mark.parametrize("wrong", [[0.5], [True, False], [[1, 2]], ["a"], 3])
def test_what_is_no_list_of_whole_numbers_is_refused(wrong: list[int]) -> None:
    with pytest.raises(ArgumentError, match=r"select got .*A flat list .*flatnonzero"):
        Select(Range(9), wrong)


def test_a_selection_prints_its_length_and_a_hash_of_its_indices() -> None:
    assert str(Select(Range(9), (1, 2))).startswith("range(9) > select(2, ")
    assert str(Select(Range(9), (1, 2))) != str(Select(Range(9), (2, 1)))
