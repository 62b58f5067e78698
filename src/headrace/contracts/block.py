"""What one read gives: a list of records, or `Columns`, which holds them as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from headrace.contracts.order import Indices
from headrace.contracts.stacking import stack_values
from headrace.contracts.tree import Record, Tree, builder, paths

T = TypeVar("T")

# Any: columns hold arrays of every dtype, or lists of the user's values.
Column: TypeAlias = "npt.NDArray[Any] | list[Any]"

# How a row of a column is given back: as a Python number, a NumPy scalar, an array, an array
# of no dimensions, or the object that the list holds.
RowKind = Literal["python", "scalar", "array", "zero_d", "object"]


@dataclass(frozen=True)
class Layout:
    """The structure of the records in `Columns`, and how each leaf's row comes back."""

    tree: Tree
    kinds: tuple[RowKind, ...]
    build: Callable[[Sequence[Any]], Record] = field(  # Any: leaves
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "build", builder(self.tree))

    def __reduce__(self) -> tuple[type[Layout], tuple[Tree, tuple[RowKind, ...]]]:
        return Layout, (self.tree, self.kinds)

    @property
    def names(self) -> list[str]:
        """The dotted names of the leaves."""
        return paths(self.tree)


class Columns(Generic[T]):
    """A run of records as a tree of equal-length arrays.

    It is a sequence of records: `columns[i]` is a record (arrays in it are views), a slice is
    Columns again without a copy. `stack()` is the batch of them all.

    Example:
        >>> import numpy as np
        >>> from headrace.contracts import columns_of
        >>> columns = columns_of({"x": np.arange(6).reshape(3, 2), "y": np.arange(3)})
        >>> columns[1]["x"]
        array([2, 3])
        >>> columns[1:].stack()["y"]
        array([1, 2])
    """

    __slots__ = ("layout", "leaves", "length")

    def __init__(self, layout: Layout, leaves: list[Column], length: int) -> None:
        self.layout = layout
        self.leaves = leaves
        self.length = length

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, where: int) -> T: ...
    @overload
    def __getitem__(self, where: slice) -> Columns[T]: ...
    def __getitem__(self, where: int | slice) -> T | Columns[T]:
        if isinstance(where, slice):
            leaves = [leaf[where] for leaf in self.leaves]
            return Columns(self.layout, leaves, len(range(*where.indices(self.length))))
        if not -self.length <= where < self.length:
            raise IndexError(
                f"record {where} was asked of {self!r}. Ask for one from 0 to its length, without "
                "it; negative ones count from the end."
            )
        start = where % self.length
        return self[start : start + 1].rows()[0]

    def __iter__(self) -> Iterator[T]:
        return iter(self.rows())

    def __repr__(self) -> str:
        return f"Columns({self.length} x {self.layout.tree})"

    def rows(self) -> list[T]:
        """The records, one by one; arrays in them are views of the columns."""
        lists = [
            _rows(leaf, kind) for leaf, kind in zip(self.leaves, self.layout.kinds, strict=True)
        ]
        if self.layout.tree.kind == "leaf":
            return lists[0]
        if not lists:
            return [self.layout.build(()) for _ in range(self.length)]
        return list(map(self.layout.build, zip(*lists, strict=True)))

    def stack(self) -> Record:
        """The records as one batch: the record's tree, each leaf an array or a list.

        Raises:
            RecordError: arrays of different shapes cannot be stacked.
        """
        layout = self.layout
        if "object" not in layout.kinds:
            return layout.build(self.leaves)
        return layout.build(
            [
                stack_values(leaf, name) if isinstance(leaf, list) else leaf
                for leaf, name in zip(self.leaves, layout.names, strict=True)
            ]
        )

    def batches(self, starts: Iterator[int], size: int) -> Iterator[Record]:
        """The stacked batch of `size` records from each start on.

        Raises:
            RecordError: arrays of different shapes cannot be stacked.
        """
        if "object" in self.layout.kinds:
            return (self[start : start + size].stack() for start in starts)
        build, leaves = self.layout.build, self.leaves
        return (build([leaf[start : start + size] for leaf in leaves]) for start in starts)


Block: TypeAlias = "list[T] | Columns[T]"


def rows(block: Block[T]) -> list[T]:
    """The records of a block as a list."""
    if isinstance(block, Columns):
        return block.rows()
    # A slice of a range may stand for a list.
    return block if type(block) is list else list(block)


def join_blocks(parts: Sequence[tuple[Indices, Block[T]]], length: int) -> Block[T]:
    """One block of `length` records out of parts.

    A part says where each of its records belongs.
    """
    blocks = [block for _, block in parts]
    if len(blocks) == 1:
        return blocks[0]
    columns = [block for block in blocks if isinstance(block, Columns)]
    layouts = {id(block.layout): block.layout for block in columns}.values()
    if len(columns) < len(blocks) or len({(one.tree, one.kinds) for one in layouts}) != 1:
        found: list[Any] = [None] * length  # Any: places to be filled
        for where, block in parts:
            for place, record in zip(where.tolist(), rows(block), strict=True):
                found[place] = record
        return found
    wheres = [where for where, _ in parts]
    joined = [
        _join_leaves([block.leaves[i] for block in columns], wheres, length)
        for i in range(len(columns[0].leaves))
    ]
    return Columns(columns[0].layout, joined, length)


def _join_leaves(leaves: list[Column], wheres: list[Indices], length: int) -> Column:
    arrays = [leaf for leaf in leaves if not isinstance(leaf, list)]
    if len(arrays) == len(leaves) and len({(a.dtype, a.shape[1:]) for a in arrays}) == 1:
        joined = np.empty((length, *arrays[0].shape[1:]), dtype=arrays[0].dtype)
        for where, array in zip(wheres, arrays, strict=True):
            joined[where] = array
        return joined
    values: list[Any] = [None] * length  # Any: the user's values
    for where, leaf in zip(wheres, leaves, strict=True):
        for place, value in zip(where.tolist(), leaf, strict=True):
            values[place] = value
    return values


def _rows(leaf: Column, kind: RowKind) -> list[Any]:  # Any: the user's values
    if isinstance(leaf, list):
        return leaf
    if kind == "python":
        values: list[Any] = leaf.tolist()  # Any: bool, int, float or complex
        return values
    if kind == "zero_d":
        return [np.asarray(value) for value in leaf]
    return list(leaf)
