"""The registered functions that are methods of pipes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from headrace.contracts.errors import ArgumentError, near

# Any, in this file: pipes of every class, made by functions of every signature.
Functions = dict[str, Callable[..., Any]]


def method(pipe: Any, functions: Functions, name: str) -> Any:
    """The registered function of a name, with the pipe as its first argument.

    Raises:
        AttributeError: there is none.
    """
    if name in functions:
        return partial(functions[name], pipe)
    # Names that begin with _ are asked by pickle and copy, also of pipes that are half made.
    remedy = "" if name.startswith("_") else f". {near(name, functions)}"
    raise AttributeError(f"{type(pipe).__name__!r} object has no attribute {name!r}{remedy}")


def register(functions: Functions, name: str, cls: Callable[..., Any]) -> None:
    """Adds a name; a class that is defined again, as a notebook does, takes its own place.

    Raises:
        ArgumentError: another class has it.
    """
    taken = functions.get(name, cls)
    if (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ArgumentError(
            f"Unable to add DataPipe function name {name} as it is already taken, by "
            f"{taken!r}. A new name was expected. Choose another."
        )
    functions[name] = cls
