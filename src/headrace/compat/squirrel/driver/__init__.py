"""Drivers: what reads a source of a catalog, as a store, a table or a file."""

from __future__ import annotations

from headrace.compat.squirrel.driver.csv import CsvDriver
from headrace.compat.squirrel.driver.data_frame import DataFrameDriver
from headrace.compat.squirrel.driver.driver import Driver, IterDriver, MapDriver
from headrace.compat.squirrel.driver.excel import ExcelDriver
from headrace.compat.squirrel.driver.feather import FeatherDriver
from headrace.compat.squirrel.driver.file import FileDriver
from headrace.compat.squirrel.driver.jsonl import JsonlDriver
from headrace.compat.squirrel.driver.msgpack import MessagepackDriver
from headrace.compat.squirrel.driver.parquet import ParquetDriver
from headrace.compat.squirrel.driver.source_combiner import SourceCombiner
from headrace.compat.squirrel.driver.store import StoreDriver
from headrace.compat.squirrel.driver.zarr import ZarrDriver

__all__ = [
    "CsvDriver",
    "DataFrameDriver",
    "Driver",
    "ExcelDriver",
    "FeatherDriver",
    "FileDriver",
    "IterDriver",
    "JsonlDriver",
    "MapDriver",
    "MessagepackDriver",
    "ParquetDriver",
    "SourceCombiner",
    "StoreDriver",
    "ZarrDriver",
]
