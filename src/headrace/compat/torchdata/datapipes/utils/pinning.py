"""Tensors in pinned memory, wherever they are in a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# Any, in this file: records of every type, and devices of torch.


def pin_memory_fn(data: Any, device: Any = None) -> Any:  # noqa: ARG001 - torch takes it from the current device
    """The same record, its tensors in pinned memory.

    Whatever has a method `pin_memory` is asked for it; lists, tuples and dicts are looked into.
    """
    if hasattr(data, "pin_memory"):
        return data.pin_memory()
    if isinstance(data, str | bytes):
        return data
    if isinstance(data, Mapping):
        return {name: pin_memory_fn(value) for name, value in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(pin_memory_fn, data))
    if isinstance(data, tuple):
        return tuple(map(pin_memory_fn, data))
    if isinstance(data, Sequence):
        return [pin_memory_fn(value) for value in data]
    return data
