"""Several epochs as one; what it gives is tested against lists in test_composition."""

from __future__ import annotations

import numpy as np
import pytest

from headrace.contracts.errors import ArgumentError, StreamError
from headrace.orders import INFINITE, Range, Repeat, Shuffled, Slice, Zipped


def test_each_repeat_is_the_next_epoch_of_the_order_inside() -> None:
    inner = Shuffled(Range(50), 7)
    found = Repeat(inner, 3).at(2, np.arange(150)).reshape(3, 50)
    expected = np.stack([inner.at(epoch, np.arange(50)) for epoch in (6, 7, 8)])
    assert np.array_equal(found, expected)


def test_an_endless_repeat_goes_through_the_epochs_without_end() -> None:
    inner = Shuffled(Range(50), 7)
    order = Repeat(inner, None)
    assert order.count(0) == INFINITE
    start = 50 * 10**14
    assert np.array_equal(
        order.at(0, np.arange(start, start + 50)), inner.at(10**14, np.arange(50))
    )


def test_an_empty_order_repeats_to_an_empty_one() -> None:
    assert Repeat(Range(0), None).count(0) == 0
    assert Repeat(Range(0), 3).at(0, np.empty(0, np.int64)).tolist() == []


def test_locate_looks_through_the_repeats_for_an_index_that_the_first_leaves_out() -> None:
    order = Repeat(Slice(Shuffled(Range(20), 7), 0, 5), None)
    places = order.locate(0, np.append(np.arange(20), 20))
    assert order.at(0, places[:-1]).tolist() == list(range(20))
    assert places[:-1].max() >= 5
    assert places[-1] == -1


def test_zipped_orders_repeat_together() -> None:
    zipped = Zipped((Range(3), Shuffled(Range(3), 7)))
    found = Repeat(zipped, 2).at(0, np.arange(6))
    assert found.shape == (2, 6)
    assert found[0].tolist() == [0, 1, 2, 0, 1, 2]
    assert Repeat(zipped, 2).at(0, np.empty(0, np.int64)).shape == (2, 0)


@pytest.mark.parametrize("times", [0, -1, 1.5])
def test_times_below_one_are_refused(times: int) -> None:
    with pytest.raises(ArgumentError, match=r"times of a repeat must be .*Give None"):
        Repeat(Range(3), times)


def test_an_endless_order_cannot_be_repeated() -> None:
    with pytest.raises(StreamError, match=r"cannot repeat .* no end"):
        Repeat(Repeat(Range(3), None), 2)


def test_a_repeat_prints_its_times() -> None:
    assert str(Repeat(Range(3), 2)) == "range(3) > repeat(2)"
    assert str(Repeat(Range(3), None, reshuffle=False)) == (
        "range(3) > repeat(endless, reshuffle=False)"
    )
