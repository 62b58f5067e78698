"""Orders as JSON, so that positions become indices later without the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from headrace import orders
from headrace.contracts import Order
from headrace.contracts.errors import IntegrityError, StreamError

# Any, in this file: JSON, and the fields of orders.
Array: TypeAlias = npt.NDArray[Any]

# A class that is not named here is neither written nor made: nothing is ever unpickled.
CLASSES: dict[str, type[Any]] = {
    one.__name__: one
    for one in (
        orders.Blocks,
        orders.Concat,
        orders.Draws,
        orders.Every,
        orders.InTurn,
        orders.Mix,
        orders.Nearby,
        orders.Part,
        orders.Pinned,
        orders.Range,
        orders.Repeat,
        orders.Select,
        orders.Shuffled,
        orders.Slice,
        orders.Sliding,
        orders.Weighted,
        orders.Windowed,
        orders.Zipped,
    )
}


def described(order: Order, keep: Callable[[Array], str]) -> dict[str, Any]:
    """`order` as JSON; `keep` stores an array, chosen indices or weights, and gives its name.

    Raises:
        StreamError: a part of it is of a class that is not ours.
    """
    found: dict[str, Any] = _plain(order, keep)
    return found


def order_of(described: Any, kept: Callable[[str], Array]) -> Order:
    """The order that `described` wrote; `kept` gives an array by its name.

    Raises:
        IntegrityError: it is no description of an order.
    """
    try:
        found = _made(described, kept)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable(described) from error
    if not isinstance(found, Order):
        raise _unreadable(described)
    return found


def _plain(value: Any, keep: Callable[[Array], str]) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, tuple):
        return [_plain(part, keep) for part in value]
    if isinstance(value, np.ndarray):
        return {"array": keep(value)}
    if CLASSES.get(type(value).__name__) is type(value) and is_dataclass(value):
        parts = {
            field.name: _plain(getattr(value, field.name), keep)
            for field in fields(value)
            if field.init
        }
        return {"class": type(value).__name__, **parts}
    raise StreamError(
        f"a ledger was asked for a stream in the order {value}, of class {type(value).__name__}, "
        "and it can write the orders of headrace alone. Leave out ledger=, or compose the order "
        "of those in headrace.orders."
    )


def _made(value: Any, kept: Callable[[str], Array]) -> Any:
    if isinstance(value, list):
        return tuple(_made(part, kept) for part in value)
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return kept(value["array"])
    parts = {name: _made(part, kept) for name, part in value.items() if name != "class"}
    return CLASSES[value["class"]](**parts)


def _unreadable(value: Any) -> IntegrityError:
    return IntegrityError(
        f"a ledger describes an order as {str(value)[:80]}, and no order of this headrace is made "
        "of that. Audit it with the headrace that wrote it, or a newer one."
    )
