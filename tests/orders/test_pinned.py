"""An order that is the same in every epoch."""

from __future__ import annotations

import numpy as np
import pytest

from headrace.contracts.errors import ArgumentError
from headrace.orders import Pinned, Range, Shuffled


def test_every_epoch_is_the_pinned_one() -> None:
    inner, positions = Shuffled(Range(50), 7), np.arange(50)
    pinned = Pinned(inner, 3)
    assert np.array_equal(pinned.at(9, positions), inner.at(3, positions))
    assert np.array_equal(pinned.locate(9, positions), inner.locate(3, positions))


def test_a_negative_epoch_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"epoch of a pinned order must be .* counted from 0"):
        Pinned(Range(5), -1)


def test_a_pinned_order_prints_its_epoch() -> None:
    assert str(Pinned(Range(5), 2)) == "range(5) > pinned(2)"
