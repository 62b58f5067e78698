"""The driver of Excel files, which is not carried."""

from __future__ import annotations

from typing import Any

from headrace.compat.squirrel.driver.driver import Driver
from headrace.compat.squirrel.not_carried import not_carried


class ExcelDriver(Driver):
    """Not carried.

    Raises:
        ArgumentError: always.
    """

    name = "excel"

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: as the original
        raise not_carried(
            "ExcelDriver",
            "Read the sheet once, hr.stream(pandas.read_excel(path)), or save it as CSV and take "
            "CsvDriver.",
        )
