"""Drivers of tables that pandas or Dask reads; headrace's own way is `hr.from_csv` and its kin."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal, get_args

from headrace.blobs.open import SCHEME
from headrace.compat.squirrel.driver.file import FileDriver
from headrace.compat.squirrel.fsspec.fs import URL, get_fs_from_url
from headrace.compat.squirrel.iterstream import Composable, IterableSource
from headrace.contracts.errors import ArgumentError, near
from headrace.extras import imported

# Any, in this file: frames are of packages that the core does not import.

Engine = Literal["pandas", "dask"]


class DataFrameDriver(FileDriver):
    """Reads a table whole as a data frame, and gives its rows.

    `df_hooks` are called one after the other, each with the frame that the one before gave;
    `read_kwargs` are what pandas or Dask takes. Addresses are read by headrace for pandas, and by
    Dask for itself.

    Raises:
        ArgumentError: an engine that is neither "pandas" nor "dask".
        MissingExtra: when it is read, the package is not installed.
    """

    def __init__(
        self,
        url: URL,
        storage_options: Mapping[str, Any] | None = None,
        engine: Engine = "pandas",
        df_hooks: Iterable[Callable[[Any], Any]] | None = None,
        read_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(url, storage_options, **kwargs)
        if engine not in get_args(Engine):
            raise ArgumentError(
                f"an engine of data frames was expected, got {engine!r}. "
                f"{near(str(engine), get_args(Engine))}"
            )
        self.engine = engine
        self.df_hooks = tuple(df_hooks or ())
        self.read_kwargs = dict(read_kwargs or {})

    @abstractmethod
    def _read(self, **kwargs: Any) -> Any:
        """The frame, read by the engine."""

    def get_df(self, **read_kwargs: Any) -> Any:
        """The data frame; `read_kwargs` come before those that the driver was given."""
        frame = self._read(**{**self.read_kwargs, **read_kwargs})
        for hook in self.df_hooks:
            frame = hook(frame)
        return frame

    def get_iter(
        self,
        itertuples_kwargs: Mapping[str, Any] | None = None,
        read_kwargs: Mapping[str, Any] | None = None,
    ) -> Composable:
        """The rows as named tuples, by `itertuples` of the frame, which is read now and once."""
        frame = self.get_df(**(read_kwargs or {}))
        # A function, so that each epoch begins anew.
        return IterableSource(partial(frame.itertuples, **(itertuples_kwargs or {})))


def read_frame(driver: DataFrameDriver, function: str, kwargs: Mapping[str, Any]) -> Any:
    """The frame that a function of the driver's engine reads from its file."""
    place = os.fspath(driver.url)
    options = driver.storage_options
    if driver.engine == "dask":
        read = getattr(imported("dask.dataframe", extra="dask"), function)
        return read(place, **({"storage_options": options} if options else {}), **kwargs)
    read = getattr(imported("pandas", extra="squirrel"), function)
    files = get_fs_from_url(place, **options)
    if not SCHEME.match(place):
        return read(place, **kwargs)
    with files.open(place, "rb", compression="infer") as file:
        return read(file, **kwargs)
