"""Iterables and functions that return them, drawn from epoch after epoch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import length_hint
from typing import Any

from headrace.contracts.block import Block, rows
from headrace.contracts.errors import ArgumentError, StreamError
from headrace.contracts.records import Records
from headrace.contracts.source import Drawn
from headrace.sources.drawing import drawn

# Any, in this file: records are the user's values, of every type.

ACCEPTED = (
    "Pass an iterable of records, a function that returns one, a list, a dict of equally long "
    "arrays, a table, a dataset or loader of torch, tf.data, Keras, Hugging Face or TensorPack, "
    "a DataRef or Stream, or files as pathlib.Path."
)

# What a value that is no source lacks to be the nearest one, by a method that it has.
NEAR = {
    "__getitem__": "It is nearest to a sequence, which has __len__ beside __getitem__.",
    "__len__": "It is nearest to a sequence, which has __getitem__ beside __len__.",
    "__next__": "It is nearest to an iterator, which has __iter__ beside __next__.",
    "__aiter__": "It is nearest to an iterable, but asynchronous: gather its records in a list.",
}


@dataclass(frozen=True)
class IterableSource:
    """Records of an iterable.

    Its positions count the records drawn: to resume, as many are drawn and dropped. An iterator
    can be drawn from once.

    Raises:
        ArgumentError: it is none.
        StreamError: an iterator is drawn from again.
    """

    iterable: Iterable[Any]
    # The iterators drawn from already; an iterator cannot tell by itself.
    _drawn: list[Iterator[Any]] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_iterable(self.iterable)

    @property
    def identity(self) -> str:
        """The type's name."""
        return f"drawn from {_name(self.iterable)}"

    @property
    def size(self) -> int | None:
        """The length of a sized iterable, else None."""
        # An iterator's hint may be wrong; a length is a promise.
        return hinted(self.iterable) if hasattr(type(self.iterable), "__len__") else None

    @property
    def is_endless(self) -> bool:
        """Whether it is one of those known never to end."""
        return is_endless(self.iterable)

    def draw(self, epoch: int) -> Iterator[Any]:
        """A fresh pass."""
        iterable = self.iterable
        records = iter(iterable)
        if records is iterable:
            if self._drawn:
                raise StreamError(
                    f"this {type(iterable).__name__} was drawn from before, and an iterator gives "
                    "its records once. Pass the function that makes it: hr.stream(make_records)."
                )
            self._drawn.append(records)
        return records


@dataclass(frozen=True)
class FunctionSource:
    """Records of what a function returns; it is called anew for each epoch."""

    function: Callable[[], Any]
    opened: Callable[[Any], Records[Any] | Drawn] = field(repr=False, compare=False)

    @property
    def identity(self) -> str:
        """The function's name."""
        return f"drawn from {_name(self.function)}"

    @property
    def size(self) -> None:
        """Not known before the function is called."""
        return None

    @property
    def is_endless(self) -> bool:
        """Not known before the function is called."""
        return False

    def draw(self, epoch: int) -> Iterator[Any]:
        """A fresh pass."""
        return passed(self.opened(self.function()), epoch)


def passed(source: Records[Any] | Drawn, epoch: int) -> Iterator[Any]:
    """One pass over the records, one by one."""
    if isinstance(source, Drawn):
        return source.draw(epoch)
    return _singly(drawn(source, None))


def _singly(blocks: Iterable[Block[Any]]) -> Iterator[Any]:
    for block in blocks:
        yield from rows(block)


def is_endless(source: Iterable[Any]) -> bool:
    """Whether `source` is known never to end."""
    if isinstance(source, itertools.count | itertools.cycle):
        return True
    if isinstance(source, itertools.repeat):
        # An endless `repeat` has no length; a counted one does.
        return hinted(source) is None
    # Others have a method of that name, which says something of each value.
    return getattr(source, "is_infinite", False) is True


def hinted(source: Any) -> int | None:
    """The length that an iterable says, None where it says none."""
    try:
        hint = length_hint(source, -1)
    except (TypeError, NotImplementedError):
        # Loaders of some frameworks have a length only where what they load has one.
        return None
    return hint if hint >= 0 else None


def _check_iterable(source: Any) -> None:
    if isinstance(source, str):
        raise ArgumentError(
            f"a str is no source of records, got {source!r}. Is it a path? "
            "Pass pathlib.Path for files."
        )
    kind = type(source)
    if isinstance(source, bytes | bytearray) or not hasattr(kind, "__iter__"):
        raise ArgumentError(
            f"{kind.__name__} is no known source of records. {_near(kind)}{ACCEPTED}"
        )


def _near(kind: type) -> str:
    found = [hint for method, hint in NEAR.items() if hasattr(kind, method)]
    return "" if kind is bytes or kind is bytearray or not found else f"{found[0]} "


def _name(origin: Any) -> str:
    return getattr(origin, "__qualname__", None) or type(origin).__name__
