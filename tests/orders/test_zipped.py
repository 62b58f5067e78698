"""Orders side by side."""

from __future__ import annotations

import numpy as np
import pytest

from headrace.contracts.errors import ArgumentError, StreamError
from headrace.orders import Part, Range, Repeat, Shuffled, Zipped


def test_it_gives_one_row_an_order_as_long_as_the_shortest() -> None:
    order = Zipped((Range(5), Repeat(Range(2), None)))
    assert order.count(0) == 5
    assert order.at(0, np.array([4, 1])).tolist() == [[4, 1], [0, 1]]
    assert order.at(0, np.empty(0, np.int64)).shape == (2, 0)


def test_it_shuffles_and_shards_by_position() -> None:
    order = Part(Shuffled(Zipped((Range(8), Range(9))), 7), 1, 2)
    found = order.at(0, np.arange(4))
    assert np.array_equal(found[0], found[1])
    assert found.shape == (2, 4)


def test_it_cannot_locate() -> None:
    with pytest.raises(StreamError, match=r"cannot locate 1 indices in zip.*Locate in one of"):
        Zipped((Range(5), Range(5))).locate(0, np.array([1]))


def test_no_orders_are_refused() -> None:
    with pytest.raises(ArgumentError, match="zip got no orders"):
        Zipped(())


def test_a_zip_prints_its_orders() -> None:
    assert str(Zipped((Range(5), Range(6)))) == "zip(range(5); range(6))"
