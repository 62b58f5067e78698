"""The order of a dataset as it lies."""

from __future__ import annotations

import numpy as np
import pytest

from headrace.contracts.errors import ArgumentError
from headrace.orders import Range


def test_a_range_gives_each_index_in_its_place_as_a_new_array() -> None:
    positions = np.array([3, 1])
    found = Range(5).at(0, positions)
    positions[0] = 0
    assert found.tolist() == [3, 1]


def test_indices_outside_a_range_are_not_visited() -> None:
    assert Range(5).locate(0, np.array([-1, 0, 4, 5])).tolist() == [-1, 0, 4, -1]


@pytest.mark.parametrize("size", [-1, 2.0, float("nan"), True, "5"])
def test_a_size_that_is_no_count_is_refused(size: int) -> None:
    with pytest.raises(ArgumentError, match=r"size of a range must be .*got .*Give the number"):
        Range(size)


def test_a_range_prints_its_size() -> None:
    assert str(Range(1797)) == "range(1797)"
