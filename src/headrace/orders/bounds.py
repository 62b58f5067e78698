"""What every order agrees on: the endless count, and how an unvisited index is passed through."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headrace.contracts.errors import StreamError
from headrace.contracts.order import Indices, Order

# The count of an order without end: the largest position that an int64 can hold. Arithmetic on
# counts must test for it, and never add to it.
INFINITE = 2**63 - 1

# The fixed cost of a call is that of some 1,000 indices, and temporaries of this many stay in the
# second-level cache: 25 ns an index here, 35 ns in blocks of 65,536.
BLOCK_POSITIONS = 16_384


def finite(order: Order, verb: str) -> None:
    """Refuses an endless `order` where the whole of it must be known.

    Raises:
        StreamError: the order has no end.
    """
    if order.count(0) >= INFINITE:
        raise StreamError(
            f"cannot {verb} {order}, which has no end. A whole order with an end was expected. "
            f"Put `repeat` after it: {verb} first, then repeat."
        )


def visited(positions: Indices, convert: Callable[[Indices], Indices]) -> Indices:
    """`positions` after `convert`, where -1 (not visited) stays -1."""
    there = positions >= 0
    if there.all():
        return convert(positions)
    found = np.full(len(positions), -1, dtype=np.int64)
    found[there] = convert(positions[there])
    return found
