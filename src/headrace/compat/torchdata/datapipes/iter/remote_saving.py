"""Files written to a store, or to this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import headrace as hr
from headrace.blobs import open_blobs
from headrace.blobs.stores.addresses import is_address, scheme_of
from headrace.blobs.stores.options import Options, options_of, thawed
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.iter.saving import written
from headrace.contracts.errors import ArgumentError

# Any, in this file: options of stores, and contents of every kind.


@functional_datapipe("save_by_fsspec")
class FSSpecSaver(IterDataPipe[str]):
    """Writes pairs of an address and its content: `stream.map`.

    A file appears whole or not at all, in the place of one that is there.

    Raises:
        ArgumentError: options of `open` are given; when it is read, an address of a kind that
            nothing can be written to.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[Any],
        mode: str = "w",
        filepath_fn: Callable[[Any], str] | None = None,
        *,
        kwargs_for_open: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs_for_open:
            raise ArgumentError(
                f"files are written whole, got the options {sorted(kwargs_for_open)} of open. "
                "None was expected: .map the contents to bytes before."
            )
        self.source_datapipe = source_datapipe
        self.mode = mode
        self.filepath_fn = filepath_fn
        self.options = options_of(kwargs)

    def stream(self) -> hr.Stream[Any]:
        """`stream.map`."""
        put = Put(self.filepath_fn, self.options)
        return stream_of(self.source_datapipe).map(put)


@dataclass(frozen=True)
class Put:
    """Writes a content to a path or address, and gives that."""

    filepath_fn: Callable[[Any], str] | None
    options: Options = field(default=(), repr=False)

    def __call__(self, pair: tuple[Any, Any]) -> str:
        place, content = pair
        if self.filepath_fn is not None:
            place = self.filepath_fn(place)
        if not is_address(place):
            written(place, content)
        elif scheme_of(place) == "file":
            written(place.removeprefix("file://"), content)
        else:
            scheme, _, path = place.partition("://")
            bucket, _, key = path.partition("/")
            blobs = open_blobs(f"{scheme}://{bucket}", storage_options=thawed(self.options))
            payload = content.encode() if isinstance(content, str) else content
            blobs.put(key, payload, replace=True)
        return str(place)
