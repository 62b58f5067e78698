"""Completing a composition of orders: where a seed was left open, one is put in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from headrace.contracts.errors import seed_value
from headrace.contracts.order import Order

OrderT = TypeVar("OrderT", bound=Order)


def with_seed(order: OrderT, seed: int) -> OrderT:
    """`order` with `seed` wherever one was left open; the same object where none was.

    Goes through the fields of dataclasses and through tuples; other values stay as they are.

    **Raises**: ArgumentError for a seed that is no whole number of 64 bits.
    """
    completed: OrderT = _completed(order, seed_value(seed))
    return completed


def needs_seed(order: Order) -> bool:
    """Whether a seed was left open anywhere in `order`."""
    return None in _seeds(order)


def first_seed(order: Order) -> int | None:
    """The seed that is applied first (the innermost), None where there is none."""
    return next((seed for seed in _seeds(order) if seed is not None), None)


def _completed(value: Any, seed: int) -> Any:  # Any: whatever the fields of an order hold
    if isinstance(value, tuple):
        parts = tuple(_completed(part, seed) for part in value)
        same = all(new is old for new, old in zip(parts, value, strict=True))
        return value if same else parts
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed = {}
    for field in fields(value):
        old = getattr(value, field.name)
        new = seed if field.name == "seed" and old is None else _completed(old, seed)
        if new is not old:
            changed[field.name] = new
    return replace(value, **changed) if changed else value


def _seeds(value: object) -> Iterator[int | None]:
    """The seeds of a composition, innermost first."""
    if isinstance(value, tuple):
        for part in value:
            yield from _seeds(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            inner = getattr(value, field.name)
            if field.name == "seed":
                yield inner
            else:
                yield from _seeds(inner)
