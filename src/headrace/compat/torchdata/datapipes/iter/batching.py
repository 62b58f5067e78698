"""Batches: made, taken apart, and collated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.chunk import DataChunk
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.contracts.errors import ArgumentError, RecordError, whole
from headrace.extras import imported

# Any, in this file: records and batches of every type.
BATCH_REMEDY = "To keep records single, leave out .batch."
# Takes all levels apart.
EVERY_LEVEL = -1


@functional_datapipe("batch")
class Batcher(IterDataPipe[DataChunk[Any]]):
    """`stream.batch(batch_size, collate="list")`, as `DataChunk`.

    Raises:
        ArgumentError: `batch_size` is below 1.
    """

    def __init__(
        self,
        datapipe: IterDataPipe[Any],
        batch_size: int,
        drop_last: bool = False,
        wrapper_class: Callable[[list[Any]], Any] = DataChunk,
    ) -> None:
        self.datapipe = datapipe
        self.batch_size = whole("batch_size", batch_size, least=1, remedy=BATCH_REMEDY)
        self.drop_last = drop_last
        self.wrapper_class = wrapper_class

    def stream(self) -> hr.Stream[Any]:
        """`stream.batch`."""
        return stream_of(self.datapipe).batch(
            self.batch_size, drop_last=self.drop_last, collate=self.wrapper_class
        )


@functional_datapipe("unbatch")
class UnBatcher(IterDataPipe[Any]):
    """The records of batches, of batches of batches where `unbatch_level` says so.

    It is `stream.flat_map`; -1 takes all levels apart.

    Raises:
        ArgumentError: `unbatch_level` is below -1.
        RecordError: when it is read, a record has fewer levels.
    """

    def __init__(self, datapipe: IterDataPipe[Any], unbatch_level: int = 1) -> None:
        self.datapipe = datapipe
        remedy = "-1 takes all levels apart."
        self.unbatch_level = whole("unbatch_level", unbatch_level, least=EVERY_LEVEL, remedy=remedy)

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        return stream_of(self.datapipe).flat_map(Unbatched(self.unbatch_level))


@functional_datapipe("collate")
class Collator(IterDataPipe[Any]):
    """`stream.map(collate_fn)`; without one, torch's `default_collate`.

    Raises:
        ArgumentError: a dict of functions for the columns of a frame is given.
        MissingExtra: no function is given and torch is not installed.
    """

    def __init__(
        self,
        datapipe: IterDataPipe[Any],
        conversion: Callable[..., Any] | None = None,
        collate_fn: Callable[..., Any] | None = None,
    ) -> None:
        if conversion is not None and not callable(conversion):
            raise ArgumentError(
                f"collate takes a function of a list of records, got {conversion!r}. Functions "
                "for single columns went with torcharrow's frames: write one for the batch."
            )
        self.datapipe = datapipe
        self.collate_fn = collate_fn or conversion or default_collate

    def stream(self) -> hr.Stream[Any]:
        """`stream.map`."""
        return stream_of(self.datapipe).map(self.collate_fn)


def default_collate(batch: list[Any]) -> Any:
    """A batch as tensors. Raises MissingExtra where torch is not installed."""
    return imported("torch", extra="torch").utils.data.default_collate(batch)


@dataclass(frozen=True)
class Unbatched:
    """Gives the records in a batch, some levels down."""

    levels: int

    def __call__(self, batch: Any) -> Iterator[Any]:
        return self._below(batch, self.levels)

    def _below(self, part: Any, levels: int) -> Iterator[Any]:
        if levels == 0 or (levels < 0 and not isinstance(part, list)):
            yield part
        elif not isinstance(part, list):
            raise RecordError(
                f"unbatch_level {self.levels} exceeds the depth of the DataPipe: a list was "
                f"expected, got {type(part).__name__}. Give a lower level, or -1 for all."
            )
        elif levels == 1:
            yield from part
        else:
            for one in part:
                yield from self._below(one, levels - 1 if levels > 0 else levels)
