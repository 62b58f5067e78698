"""Tables of Arrow, pandas and Polars as columns of records."""

from __future__ import annotations

from headrace.sources.tables.arrow import columns_of_table
from headrace.sources.tables.drawn import DrawnTable
from headrace.sources.tables.ipc import ARROW_SUFFIXES, arrow_source
from headrace.sources.tables.parquet import PARQUET_SUFFIXES, parquet_source
from headrace.sources.tables.records import TableRecords
from headrace.sources.tables.tables import table_source

__all__ = [
    "ARROW_SUFFIXES",
    "PARQUET_SUFFIXES",
    "DrawnTable",
    "TableRecords",
    "arrow_source",
    "columns_of_table",
    "parquet_source",
    "table_source",
]
