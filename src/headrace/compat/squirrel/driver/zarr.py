"""The driver of Zarr groups, which is not carried."""

from __future__ import annotations

from typing import Any

from headrace.compat.squirrel.driver.driver import Driver
from headrace.compat.squirrel.not_carried import not_carried


class ZarrDriver(Driver):
    """Not carried.

    Raises:
        ArgumentError: always.
    """

    name = "zarr"

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: as the original
        raise not_carried(
            "ZarrDriver",
            "Copy the arrays into a storage once, with the zarr package: storage.submit({name: "
            "group[name][:] for name in group}, dataset, version).",
        )
