"""Which tables are sources."""

from __future__ import annotations

from functools import partial
from typing import Any

from headrace.contracts.records import Records
from headrace.contracts.source import Drawn
from headrace.deferred import pyarrow as pa
from headrace.extras import is_instance
from headrace.sources.tables.drawn import DrawnTable, Once
from headrace.sources.tables.frames import table_of_pandas
from headrace.sources.tables.records import TableRecords

# Any, in this file: a source is whatever the user has.

# Datasets in these count their rows without reading them.
COUNTED = ("ParquetFileFormat", "IpcFileFormat")


def table_source(source: Any) -> Records[Any] | Drawn | None:
    """The records of `source`, None where it is of another kind.

    Raises:
        ArgumentError: two columns have one name.
        RecordError: a column of a data frame holds values of several kinds.
    """
    if is_instance(source, "pandas", "DataFrame"):
        return TableRecords(table_of_pandas(source), name="DataFrame")
    if is_instance(source, "polars", "DataFrame"):
        return TableRecords(source.to_arrow(), name="DataFrame")
    if is_instance(source, "polars", "LazyFrame"):
        return DrawnTable("drawn from LazyFrame", partial(_collected, source))
    if is_instance(source, "pyarrow", "Table"):
        return TableRecords(source)
    if is_instance(source, "pyarrow", "RecordBatch"):
        return TableRecords(pa.Table.from_batches([source]))
    if is_instance(source, "pyarrow", "RecordBatchReader"):
        return DrawnTable("drawn from RecordBatchReader", Once(source))
    if is_instance(source, "pyarrow.dataset", "Dataset"):
        return _dataset(source)
    return None


def _collected(frame: Any) -> list[pa.Table]:
    return [frame.collect().to_arrow()]


def _dataset(dataset: Any) -> DrawnTable:
    form = getattr(dataset, "format", None)
    size = dataset.count_rows() if is_instance(form, "pyarrow.dataset", *COUNTED) else None
    return DrawnTable("drawn from Dataset", dataset.to_batches, size)
