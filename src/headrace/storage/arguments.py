"""The arguments of a call as text that is equal where the arguments are."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xxhash

# Any, in this file: arguments are the user's values, of every type.

# Where an object without a repr of its own lies in memory, which differs between processes.
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def described_call(
    function: Callable[..., object], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, str]:
    """Each argument of a call by name, defaults included, as text.

    Example:
        >>> def digits(size, *, folder="data"): ...
        >>> described_call(digits, (8,), {})
        {'size': '8', 'folder': "'data'"}
    """
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return {name: described(value) for name, value in bound.arguments.items()}


def described(value: Any) -> str:
    """A value as text, the same in each process."""
    if isinstance(value, np.ndarray):
        digest = xxhash.xxh3_64_hexdigest(np.ascontiguousarray(value).tobytes())
        return f"array(shape={value.shape}, dtype={value.dtype}, xxh3={digest})"
    kind = type(value)
    if kind in (set, frozenset):
        return f"{kind.__name__}({{{', '.join(sorted(map(described, value)))}}})"
    if kind is dict:
        pairs = (f"{described(key)}: {described(part)}" for key, part in value.items())
        return "{" + ", ".join(pairs) + "}"
    if kind in (list, tuple):
        parts = ", ".join(map(described, value))
        return f"[{parts}]" if kind is list else f"({parts}{',' * (len(value) == 1)})"
    return ADDRESS.sub("", repr(value))
