"""The conformance suite of orders."""

from __future__ import annotations

import pickle

import numpy as np

from headrace.contracts import Order
from headrace.orders import OrderCursor


def check_order(order: Order, *, epochs: int = 3) -> None:
    """Checks that an order is a pure, seekable function with a true inverse.

    Raises:
        AssertionError: what does not hold, and where.

    Example:
        >>> from headrace.orders import Range, Shuffled
        >>> from headrace.testing import check_order
        >>> check_order(Shuffled(Range(100), seed=7))
    """
    for epoch in range(epochs):
        count = order.count(epoch)
        positions = np.arange(count, dtype=np.int64)
        indices = order.at(epoch, positions)
        assert indices.shape == (count,), f"epoch {epoch}: shape {indices.shape}"
        assert indices.dtype == np.int64, f"epoch {epoch}: dtype {indices.dtype}"
        assert (indices >= 0).all(), f"epoch {epoch}: negative indices"
        backwards = order.at(epoch, positions[::-1])
        assert (backwards[::-1] == indices).all(), f"epoch {epoch}: depends on how it is asked"
        singly = [int(order.at(epoch, positions[i : i + 1])[0]) for i in range(0, count, 7)]
        assert singly == indices[::7].tolist(), f"epoch {epoch}: single positions differ"
        places = order.locate(epoch, indices)
        assert (order.at(epoch, places) == indices).all(), f"epoch {epoch}: locate is no inverse"
        cursor = OrderCursor(order, epoch)
        assert (cursor.take(count // 3, count) == indices[count // 3 :]).all()
    again = pickle.loads(pickle.dumps(order))
    assert again == order, "equal orders must compare equal"
    assert hash(again) == hash(order), "equal orders must hash equal"
    assert str(order), "an order must print"
