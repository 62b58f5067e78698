"""The name under which a user's function appears in errors and drawings."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from headrace.contracts.errors import ArgumentError


def name_of(fn: Callable[..., Any]) -> str:  # Any: user functions have every signature
    """`double` for a function, `Resize` for a callable object, the inner name for a partial.

    Raises:
        ArgumentError: it is no function; told apart here, where every stage passes with its own.
    """
    if not callable(fn):
        raise ArgumentError(
            f"a function of one record was expected, got {fn!r}. "
            "Pass the function itself, without calling it."
        )
    if isinstance(fn, functools.partial):
        return name_of(fn.func)
    return getattr(fn, "__name__", None) or type(fn).__name__


def plain_name_of(fn: Callable[..., Any]) -> str:  # Any: user functions have every signature
    """The name of a function that is called and done, not awaited.

    Raises:
        ArgumentError: it is no function, or an `async def` one.
    """
    name = name_of(fn)
    if inspect.iscoroutinefunction(fn):
        raise ArgumentError(
            f"{name} is an async function, and a plain one was expected: it would give coroutines "
            f"for records. Use .async_map({name}), which runs many of them at once."
        )
    return name
