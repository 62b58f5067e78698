"""The pipes that a pipe holds, found in its attributes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

# Any, in this file: pipes hold values of every type.
# A longer container holds records: to look for pipes among them would take as long as reading.
MOST_PIPES = 1000


def upstream(pipe: Any) -> list[Any]:
    """A pipe and all before it, each once, the nearest first."""
    found = {id(pipe): pipe}
    waiting = [pipe]
    while waiting:
        for one in parents(waiting.pop(0)):
            if id(one) not in found:
                found[id(one)] = one
                waiting.append(one)
    return list(found.values())


def parents(pipe: Any) -> list[Any]:
    """The pipes right before one, in the order of its attributes, each once."""
    found = {id(one): one for value in vars(pipe).values() for one in _within(value)}
    return list(found.values())


def is_pipe(value: object) -> bool:
    """Whether it is a pipe: ours, or one of torch's, which is not imported for it."""
    if isinstance(value, type):
        return False
    return getattr(type(value), "is_datapipe", False) is True or is_torch_pipe(value)


def is_torch_class(value: object) -> bool:
    """Whether it is a class of pipes of torch."""
    module: Any = sys.modules.get("torch.utils.data.datapipes.datapipe")
    return module is not None and isinstance(value, type) and issubclass(value, _kinds(module))


def is_torch_pipe(value: object) -> bool:
    """Whether it is a pipe of torch; torch is not imported for it."""
    module: Any = sys.modules.get("torch.utils.data.datapipes.datapipe")
    return module is not None and isinstance(value, _kinds(module))


def _within(value: Any) -> Iterator[Any]:
    if is_pipe(value):
        yield value
    elif isinstance(value, partial):
        yield from _within([value.args, value.keywords])
    elif isinstance(value, dict) and len(value) <= MOST_PIPES:
        for one in [*value, *value.values()]:
            yield from _within(one)
    elif isinstance(value, list | tuple | set | frozenset) and len(value) <= MOST_PIPES:
        for one in value:
            yield from _within(one)


def _kinds(module: Any) -> tuple[type, type]:
    return module.IterDataPipe, module.MapDataPipe
