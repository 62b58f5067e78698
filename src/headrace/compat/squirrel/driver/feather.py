"""The driver of Feather files."""

from __future__ import annotations

from typing import Any

from headrace.compat.squirrel.driver.data_frame import DataFrameDriver, read_frame
from headrace.contracts.errors import ArgumentError

# Any, in this file: frames are of packages that the core does not import.


class FeatherDriver(DataFrameDriver):
    """Reads Feather by `read_feather` of pandas; see `DataFrameDriver`.

    Raises:
        ArgumentError: the engine is Dask, which reads no Feather.
    """

    name = "feather"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.engine == "dask":
            raise ArgumentError(
                f"Feather was to be read by engine={self.engine!r}, which cannot. Take 'pandas', "
                "or hr.from_arrow(path), which reads in a memory map."
            )

    def _read(self, **kwargs: Any) -> Any:
        return read_frame(self, "read_feather", kwargs)
