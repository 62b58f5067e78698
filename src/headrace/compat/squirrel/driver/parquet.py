"""The driver of Parquet files."""

from __future__ import annotations

from typing import Any

from headrace.compat.squirrel.driver.data_frame import DataFrameDriver, read_frame

# Any, in this file: frames are of packages that the core does not import.


class ParquetDriver(DataFrameDriver):
    """Reads Parquet by `read_parquet` of pandas or Dask; see `DataFrameDriver`."""

    name = "parquet"

    def _read(self, **kwargs: Any) -> Any:
        return read_frame(self, "read_parquet", kwargs)
