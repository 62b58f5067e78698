"""MapDataPipes: a sequence, and what becomes of its records by index."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import MapDataPipe
from headrace.compat.torchdata.datapipes.chunk import DataChunk
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.utils.arguments import checked_pipes, columns_of
from headrace.contracts.errors import whole

# Any, in this file: records and keys of every type.
BATCH_REMEDY = "To keep records single, leave out .batch."


class SequenceWrapper(MapDataPipe[Any]):
    """A sequence or mapping as a pipe: `hr.DataRef.from_sequence`."""

    def __init__(self, sequence: Sequence[Any] | Mapping[Any, Any], deepcopy: bool = True) -> None:
        if deepcopy:
            try:
                sequence = copy.deepcopy(sequence)
            except TypeError:
                warnings.warn(
                    "The input sequence can not be deepcopied, please be aware of in-place "
                    "modification would affect source data",
                    stacklevel=2,
                )
        self.sequence = sequence

    def stream(self) -> hr.Stream[Any]:
        """`hr.stream(sequence)`."""
        sequence = self.sequence
        return hr.stream(sequence) if isinstance(sequence, list | range) else super().stream()

    def __getitem__(self, index: Any) -> Any:
        return self.sequence[index]

    def __len__(self) -> int:
        return len(self.sequence)


@functional_datapipe("map")
class Mapper(MapDataPipe[Any]):
    """What a function gives of each record."""

    def __init__(self, datapipe: MapDataPipe[Any], fn: Callable[[Any], Any] | None = None) -> None:
        self.datapipe = datapipe
        self.fn = _itself if fn is None else fn

    def stream(self) -> hr.Stream[Any]:
        """`stream.map(fn)`."""
        return self.datapipe.stream().map(self.fn)

    def __getitem__(self, index: Any) -> Any:
        return self.fn(self.datapipe[index])

    def __len__(self) -> int:
        return len(self.datapipe)


@functional_datapipe("batch")
class Batcher(MapDataPipe[DataChunk[Any]]):
    """Neighbouring records as `DataChunk`.

    Raises:
        ArgumentError: `batch_size` is below 1.
    """

    def __init__(
        self,
        datapipe: MapDataPipe[Any],
        batch_size: int,
        drop_last: bool = False,
        wrapper_class: Callable[[list[Any]], Any] = DataChunk,
    ) -> None:
        self.datapipe = datapipe
        self.batch_size = whole("batch_size", batch_size, least=1, remedy=BATCH_REMEDY)
        self.drop_last = drop_last
        self.wrapper_class = wrapper_class

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(
                f"Index {index} is out of bound: {len(self)} batches are there. Count them from 0."
            )
        start = index * self.batch_size
        end = min(start + self.batch_size, len(self.datapipe))
        return self.wrapper_class([self.datapipe[at] for at in range(start, end)])

    def __len__(self) -> int:
        whole_ones, rest = divmod(len(self.datapipe), self.batch_size)
        return whole_ones + (rest > 0 and not self.drop_last)


@functional_datapipe("concat")
class Concater(MapDataPipe[Any]):
    """The records of several pipes, one pipe after the other."""

    def __init__(self, *datapipes: MapDataPipe[Any]) -> None:
        self.datapipes = checked_pipes(self, datapipes)

    def __getitem__(self, index: int) -> Any:
        offset = 0
        for pipe in self.datapipes:
            if 0 <= index - offset < len(pipe):
                return pipe[index - offset]
            offset += len(pipe)
        raise IndexError(
            f"Index {index} is out of range: {offset} records are there. Count them from 0."
        )

    def __len__(self) -> int:
        return sum(map(len, self.datapipes))


@functional_datapipe("zip")
class Zipper(MapDataPipe[tuple[Any, ...]]):
    """Tuples of one record of each pipe; as many as the shortest has."""

    def __init__(self, *datapipes: MapDataPipe[Any]) -> None:
        self.datapipes = checked_pipes(self, datapipes)

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(pipe[index] for pipe in self.datapipes)

    def __len__(self) -> int:
        return min(map(len, self.datapipes))


@functional_datapipe("in_memory_cache")
class InMemoryCacheHolder(MapDataPipe[Any]):
    """Each record once made, from then on the same one."""

    def __init__(self, source_dp: MapDataPipe[Any]) -> None:
        self.source_dp = source_dp
        self.cache: dict[Any, Any] = {}

    def __getitem__(self, index: Any) -> Any:
        if index not in self.cache:
            self.cache[index] = self.source_dp[index]
        return self.cache[index]

    def __len__(self) -> int:
        return len(self.source_dp)


@functional_datapipe("unzip")
class UnZipper(MapDataPipe[Any]):
    """A list of pipes, one a column of the records.

    Raises:
        ArgumentError: no column is left, or `sequence_length` is below 1.
    """

    def __new__(  # type: ignore[misc] # the original gives a list
        cls,
        source_datapipe: MapDataPipe[Any],
        sequence_length: int,
        columns_to_skip: Sequence[int] | None = None,
    ) -> list[MapDataPipe[Any]]:
        """The columns."""
        columns = columns_of(sequence_length, columns_to_skip)
        return [Column(source_datapipe, at) for at in columns]


class Column(MapDataPipe[Any]):
    """One column of the records."""

    def __init__(self, main_datapipe: MapDataPipe[Any], instance_id: int) -> None:
        self.main_datapipe = main_datapipe
        self.instance_id = instance_id

    def __getitem__(self, index: Any) -> Any:
        return self.main_datapipe[index][self.instance_id]

    def __len__(self) -> int:
        return len(self.main_datapipe)


def _itself(record: Any) -> Any:
    return record
