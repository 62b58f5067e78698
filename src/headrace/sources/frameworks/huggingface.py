"""Datasets of Hugging Face as a source."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headrace.contracts.block import Columns
from headrace.contracts.errors import ArgumentError
from headrace.contracts.order import Indices
from headrace.contracts.records import Records
from headrace.contracts.source import Drawn
from headrace.extras import is_instance
from headrace.sources.frameworks.huggingface_columns import (
    ImageOf,
    columns_of_features,
    decoded,
    encoded,
    is_image,
)
from headrace.sources.tables.arrow import one_array
from headrace.sources.tables.pieces import piece_rows
from headrace.sources.tables.records import TableRecords

# Any, in this file: the package has no types, and records hold values of every type.

# Formats whose records are what the table holds; the others are made by the dataset itself.
TABLE_FORMATS = (None, "arrow", "pandas", "polars")
# A streamed dataset does not say how large its records are: so many of 60 KB are some 8 MiB.
STREAMED_ROWS = 128


def huggingface_source(source: Any) -> Records[Any] | Drawn | None:
    """The records of `source`, None where it is of another kind.

    Raises:
        ArgumentError: it is several datasets, one a split.
    """
    if is_instance(source, "datasets", "DatasetDict", "IterableDatasetDict"):
        raise ArgumentError(
            f"one dataset was expected, got a {type(source).__name__} of the splits "
            f"{', '.join(map(repr, source))}. Pass one of them: "
            f"ds[{next(iter(source), 'train')!r}]."
        )
    if is_instance(source, "datasets", "IterableDataset"):
        return StreamedTables(source) if _has_tables(source) else StreamedRows(source)
    if not is_instance(source, "datasets", "Dataset"):
        return None
    return TableDataset(source) if source.format["type"] in TABLE_FORMATS else RowDataset(source)


@dataclass(frozen=True)
class TableDataset:
    """The records of a dataset that gives Python values, read column by column."""

    dataset: Any = field(repr=False, compare=False)
    features: Any = field(init=False, repr=False, compare=False)
    _rows: TableRecords = field(init=False, repr=False, compare=False)
    # Where the records of a selection are in the table, None where it is all of them.
    _places: Indices | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        given, places = self.dataset.format, self.dataset._indices
        table = self.dataset.data.table
        if not given["output_all_columns"]:
            table = table.select(given["columns"])
        object.__setattr__(self, "features", self.dataset.features)
        object.__setattr__(self, "_rows", TableRecords(table))
        if places is not None:
            places = one_array(places.table.column(0)).to_numpy()
        object.__setattr__(self, "_places", places)

    def __reduce__(self) -> tuple[type[TableDataset], tuple[Any]]:
        # The dataset says where its files are, the table would be all that is in them.
        return TableDataset, (self.dataset,)

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def identity(self) -> str:
        return _identity(self.dataset)

    @property
    def origin(self) -> dict[str, Any]:
        return _origin(self.features)

    @property
    def read_ahead(self) -> int:
        """How many records may be read before they are asked for; images take long to decode."""
        return 0 if any(map(is_image, self.features.values())) else self._rows.read_ahead

    def read(self, indices: Indices) -> Columns[Any]:
        """The records at `indices`, images decoded as the dataset does it."""
        return self._columns(indices, decoded)

    def blocks(self, epoch: int) -> Iterator[Columns[Any]]:
        """All records in order, images as they are encoded."""
        table, length = self._rows.table, len(self)
        rows = piece_rows(table.nbytes, len(table))
        for start in range(0, length, rows):
            yield self._columns(np.arange(start, min(start + rows, length)), encoded)

    def _columns(self, indices: Indices, image_of: ImageOf) -> Columns[Any]:
        places = indices if self._places is None else self._places[indices].astype(np.int64)
        table = self._rows.table_at(places)
        return columns_of_features(table, self.features, image_of, indices.tolist())


@dataclass(frozen=True)
class RowDataset:
    """The records of a dataset with a format or a transform of its own, as it makes them."""

    dataset: Any = field(repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def identity(self) -> str:
        return _identity(self.dataset)

    @property
    def origin(self) -> dict[str, Any]:
        return _origin(self.dataset.features)

    def read(self, indices: Indices) -> list[Any]:
        asked = indices.tolist()
        try:
            return list(self.dataset.__getitems__(asked))
        except Exception as error:
            error.add_note(f"The dataset raised this for the indices {reprlib.repr(asked)}.")
            raise


@dataclass(frozen=True)
class StreamedRows:
    """The records of a streamed dataset, as it makes them."""

    dataset: Any = field(repr=False, compare=False)
    identity: str = "drawn from IterableDataset"
    size: None = None

    @property
    def is_endless(self) -> bool:
        return _repeats(self.dataset)

    @property
    def origin(self) -> dict[str, Any]:
        return _origin(self.dataset.features)

    def draw(self, epoch: int) -> Iterator[Any]:
        return iter(self.dataset)


@dataclass(frozen=True)
class StreamedTables:
    """The records of a streamed dataset that reads tables, stored in columns."""

    dataset: Any = field(repr=False, compare=False)
    identity: str = "drawn from IterableDataset"
    size: None = None

    @property
    def is_endless(self) -> bool:
        return _repeats(self.dataset)

    @property
    def origin(self) -> dict[str, Any]:
        return _origin(self.dataset.features)

    def draw(self, epoch: int) -> Iterator[Any]:
        return iter(self.dataset)

    def blocks(self, epoch: int) -> Iterator[Columns[Any]]:
        """The records of a pass, images as they are encoded."""
        first, features = 0, self.dataset.features
        for table in self.dataset.with_format("arrow").iter(STREAMED_ROWS):
            numbers = range(first, first + table.num_rows)
            yield columns_of_features(table, features, encoded, numbers)
            first = numbers.stop


def _has_tables(dataset: Any) -> bool:
    """Whether a streamed dataset reads tables and gives what is in them, unchanged."""
    form = getattr(dataset, "_formatting", None)
    is_plain = form is None or form.format_type in TABLE_FORMATS
    reads = getattr(dataset, "_ex_iterable", None)
    return is_plain and dataset.features is not None and bool(getattr(reads, "iter_arrow", None))


def _repeats(dataset: Any) -> bool:
    """Whether a streamed dataset repeats without end."""
    node = getattr(dataset, "_ex_iterable", None)
    while node is not None and type(node).__name__ != "TakeExamplesIterable":
        if type(node).__name__ == "RepeatExamplesIterable" and node.num_times is None:
            return True
        node = getattr(node, "ex_iterable", None)
    return False


def _identity(dataset: Any) -> str:
    return f"Dataset[{dataset._fingerprint}]"


def _origin(features: Any) -> dict[str, Any]:
    labels = {} if features is None else dict(_label_names(features, ""))
    return {"kind": "hugging face", "label_names": labels, "features": str(features)}


def _label_names(feature: Any, name: str) -> Iterator[tuple[str, list[str]]]:
    """The names of the classes of each label, by its dotted name."""
    if isinstance(feature, dict):
        for key, child in feature.items():
            yield from _label_names(child, f"{name}.{key}" if name else key)
    elif hasattr(feature, "feature"):
        yield from _label_names(feature.feature, name)
    elif is_instance(feature, "datasets", "ClassLabel"):
        yield name, list(feature.names)
