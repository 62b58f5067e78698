"""DataPipes that are not carried over: each says what to do instead."""

from __future__ import annotations

from typing import Any

from headrace.compat.torchdata.datapipes.base import IterDataPipe
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.contracts.errors import StreamError

# Any, in this file: whatever the originals take.

ADDRESSES = "Use .list_files_by_fsspec and .open_files_by_fsspec, for s3, gs, az and https."


@functional_datapipe("list_files_by_iopath")
class IoPathFileLister(IterDataPipe[Any]):
    """Is not carried over. Raises StreamError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise left_out("list_files_by_iopath", ADDRESSES)


@functional_datapipe("open_files_by_iopath")
class IoPathFileOpener(IterDataPipe[Any]):
    """Is not carried over. Raises StreamError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise left_out("open_files_by_iopath", ADDRESSES)


@functional_datapipe("save_by_iopath")
class IoPathSaver(IterDataPipe[Any]):
    """Is not carried over. Raises StreamError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise left_out("save_by_iopath", "Use .save_to_disk or .save_by_fsspec.")


@functional_datapipe("list_files_by_ais")
class AISFileLister(IterDataPipe[Any]):
    """Is not carried over. Raises StreamError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise left_out(
            "list_files_by_ais", "AIStore speaks S3: use .list_files_by_s3 with its endpoint."
        )


@functional_datapipe("load_files_by_ais")
class AISFileLoader(IterDataPipe[Any]):
    """Is not carried over. Raises StreamError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise left_out(
            "load_files_by_ais", "AIStore speaks S3: use .load_files_by_s3 with its endpoint."
        )


@functional_datapipe("load_from_rar")
class RarArchiveLoader(IterDataPipe[Any]):
    """Is not carried over. Raises StreamError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise left_out(
            "load_from_rar", "Pack the files as tar or zip, or .flatmap your own reader."
        )


@functional_datapipe("read_from_gdrive")
class GDriveReader(IterDataPipe[Any]):
    """Is not carried over. Raises StreamError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise left_out(
            "read_from_gdrive",
            "Download the file once, and .open_files; or give it an https:// address.",
        )


@functional_datapipe("dataframe")
class DataFrameMaker(IterDataPipe[Any]):
    """Is not carried over. Raises StreamError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise left_out(
            "dataframe",
            "torcharrow is no more. Use .batch(n).rows2columnar(names).map(pyarrow.table).",
        )


@functional_datapipe("routed_decode")
class RoutedDecoder(IterDataPipe[Any]):
    """Is not carried over: it was deprecated. Raises StreamError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise left_out("routed_decode", ".map a function of the pair of path and file.")


class Sampler(IterDataPipe[Any]):
    """Is not carried over. Raises StreamError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise left_out("Sampler", "Use .shuffle, or hr.DataRef.from_sequence(records)[indices].")


def left_out(name: str, instead: str) -> StreamError:
    """The error of a DataPipe that is not carried over."""
    return StreamError(f"{name} is not carried over from torchdata to headrace. {instead}")
