"""Files of web servers and stores: read in ranges, and tried again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import headrace as hr
from headrace.blobs.stores.options import options_of
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.iter.remote_files import (
    Below,
    InFolder,
    Read,
    s3_options,
    web_options,
)
from headrace.compat.torchdata.datapipes.iter.sources import nominal_length
from headrace.compat.torchdata.datapipes.opened import StreamWrapper
from headrace.compat.torchdata.datapipes.parents import is_pipe
from headrace.contracts.errors import ArgumentError

# Any, in this file: options of stores, and open files.


@functional_datapipe("read_from_http")
class HttpReader(IterDataPipe[tuple[str, StreamWrapper]]):
    """Pairs of an address and its file: `stream.open()`.

    Of what `requests` takes, `headers` are known. With `skip_on_error` addresses that cannot be
    read are left out with a warning.

    Raises:
        ArgumentError: another option of `requests` is given.
        StorageError: when it is read, an address that cannot be.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[str],
        timeout: float | None = None,
        skip_on_error: bool = False,
        **kwargs: Any,
    ) -> None:
        self.source_datapipe = source_datapipe
        self.read = Read(web_options(timeout, kwargs), skip_on_error)

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        return stream_of(self.source_datapipe).flat_map(self.read)

    def __len__(self) -> int:
        return len(self.source_datapipe)


@functional_datapipe("read_from_remote")
class OnlineReader(IterDataPipe[tuple[str, StreamWrapper]]):
    """It is `read_from_http`; Google Drive's pages are not read.

    Raises:
        ArgumentError: another option of `requests` than `headers` is given.
        StorageError: when it is read, an address that cannot be.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[str],
        *,
        timeout: float | None = None,
        skip_on_error: bool = False,
        **kwargs: Any,
    ) -> None:
        self.datapipe = HttpReader(source_datapipe, timeout, skip_on_error, **kwargs)

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        return self.datapipe.stream()

    def __len__(self) -> int:
        return len(self.datapipe)


@functional_datapipe("list_files_by_fsspec")
class FSSpecFileLister(IterDataPipe[str]):
    """The files right in folders of this machine, or of a store: s3, gs, az.

    Options go to the store as `storage_options` do.

    Raises:
        ArgumentError: when it is read, an address of another kind.
    """

    def __init__(
        self,
        root: str | Iterable[str],
        masks: str | list[str] = "",
        **kwargs: Any,
    ) -> None:
        self.datapipe = [root] if isinstance(root, str) else root
        self.masks = masks
        self.options = options_of(kwargs)

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`, or `hr.stream` of the paths."""
        listing = InFolder(self.masks, self.options)
        if is_pipe(self.datapipe):
            return stream_of(self.datapipe).flat_map(listing)
        return hr.stream([path for root in self.datapipe for path in listing(root)])


@functional_datapipe("open_files_by_fsspec")
class FSSpecFileOpener(IterDataPipe[tuple[str, StreamWrapper]]):
    """Pairs of a path or address and its file: `stream.open()`.

    Raises:
        ArgumentError: a mode that does not read; when it is read, an address of another kind.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[str],
        mode: str = "r",
        *,
        kwargs_for_open: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        given = dict(kwargs_for_open or {})
        encoding = given.pop("encoding", None)
        if mode not in ("r", "rb", "rt") or given:
            raise ArgumentError(
                f"files are opened to be read, got the mode {mode!r} and {sorted(given)}. "
                '"r" or "rb" was expected, and no option but encoding.'
            )
        self.source_datapipe = source_datapipe
        self.mode = mode
        self.read = Read(options_of(kwargs), encoding=encoding, is_text="b" not in mode)

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        return stream_of(self.source_datapipe).flat_map(self.read)

    def __len__(self) -> int:
        return len(self.source_datapipe)


@functional_datapipe("list_files_by_s3")
class S3FileLister(IterDataPipe[str]):
    """The files under prefixes of S3: `hr.from_files("s3://bucket/folder/")`.

    Credentials come from the environment.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[str],
        length: int = -1,
        request_timeout_ms: int = -1,
        region: str = "",
        masks: str | list[str] = "",
    ) -> None:
        self.source_datapipe = source_datapipe
        self.length = length
        self.options = s3_options(request_timeout_ms, region)
        self.masks = masks

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        return stream_of(self.source_datapipe).flat_map(Below(self.masks, self.options))

    def __len__(self) -> int:
        return nominal_length(self, self.length)


@functional_datapipe("load_files_by_s3")
class S3FileLoader(IterDataPipe[tuple[str, StreamWrapper]]):
    """Pairs of an address and its file: `stream.open()`.

    It is read in ranges of 8 MiB: `buffer_size` and `multi_part_download` are not needed.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[str],
        request_timeout_ms: int = -1,
        region: str = "",
        buffer_size: int | None = None,
        multi_part_download: bool | None = None,
    ) -> None:
        self.source_datapipe = source_datapipe
        self.read = Read(s3_options(request_timeout_ms, region))

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        return stream_of(self.source_datapipe).flat_map(self.read)

    def __len__(self) -> int:
        return len(self.source_datapipe)
