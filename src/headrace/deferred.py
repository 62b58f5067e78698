"""Modules that are imported when the first of their names is needed.

They would take a third of the time of `import headrace`: pyarrow 20 ms, rich 20 ms, obstore,
ml_dtypes and the readers of archives 5 ms each. They are imported from here:
`from headrace.deferred import pyarrow`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    import tarfile
    import zipfile

    import cloudpickle
    import ml_dtypes
    import obstore
    import pyarrow
    from obstore import exceptions as obstore_exceptions
    from obstore import store as obstore_store
    from pyarrow import csv as pyarrow_csv
    from pyarrow import parquet as pyarrow_parquet
    from rich import console as rich_console
    from rich import progress as rich_progress

__all__ = [
    "asyncio",
    "cloudpickle",
    "ml_dtypes",
    "obstore",
    "obstore_exceptions",
    "obstore_store",
    "pyarrow",
    "pyarrow_csv",
    "pyarrow_parquet",
    "rich_console",
    "rich_progress",
    "tarfile",
    "zipfile",
]


class _Deferred:
    """Stands for a module, and imports it when it is used (each name costs 0.8 us)."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:  # Any: whatever the module holds
        # The import system has a lock for each module: two threads may be first together.
        return getattr(import_module(self._name), name)


if not TYPE_CHECKING:
    asyncio = _Deferred("asyncio")
    cloudpickle = _Deferred("cloudpickle")
    ml_dtypes = _Deferred("ml_dtypes")
    obstore = _Deferred("obstore")
    obstore_exceptions = _Deferred("obstore.exceptions")
    obstore_store = _Deferred("obstore.store")
    pyarrow = _Deferred("pyarrow")
    pyarrow_csv = _Deferred("pyarrow.csv")
    pyarrow_parquet = _Deferred("pyarrow.parquet")
    rich_console = _Deferred("rich.console")
    rich_progress = _Deferred("rich.progress")
    tarfile = _Deferred("tarfile")
    zipfile = _Deferred("zipfile")
