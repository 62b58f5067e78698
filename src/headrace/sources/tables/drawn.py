"""Tables that come in batches: read from the first row on, one batch in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from headrace.contracts.block import Columns
from headrace.contracts.errors import StreamError
from headrace.deferred import pyarrow as pa
from headrace.sources.tables.pieces import blocks_of

# Any, in this file: a table holds values of every type.


@dataclass(frozen=True)
class DrawnTable:
    """The rows of batches that a function gives anew for each epoch.

    Example:
        >>> import pyarrow as pa
        >>> source = DrawnTable("two tables", lambda: [pa.table({"x": [1]}), pa.table({"x": [2]})])
        >>> list(source.draw(0))
        [{'x': 1}, {'x': 2}]
    """

    identity: str
    tables: Callable[[], Iterable[pa.Table | pa.RecordBatch]] = field(repr=False)
    size: int | None = None
    is_endless: bool = False

    def draw(self, epoch: int) -> Iterator[dict[str, Any]]:
        for block in self.blocks(epoch):
            yield from block.rows()

    def blocks(self, epoch: int) -> Iterator[Columns[Any]]:
        return blocks_of(self.tables())


class Once:
    """Gives an iterator the first time that it is called.

    Raises:
        StreamError: it is called again.
    """

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = batches
        self._is_drawn = False

    def __call__(self) -> Iterable[pa.RecordBatch]:
        if self._is_drawn:
            raise StreamError(
                f"this {type(self._batches).__name__} was drawn from before, and a reader gives "
                "its rows once. Pass the function that opens it: hr.stream(open_reader)."
            )
        self._is_drawn = True
        return self._batches
