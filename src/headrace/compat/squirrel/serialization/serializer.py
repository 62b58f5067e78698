"""What a serializer of Squirrel's is, and how those of headrace open the files of shards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import IO, Any

from headrace.compat.squirrel.fsspec.fs import FileSystem, get_fs_from_url
from headrace.contracts.errors import StreamError

# Any, in this file: records are the user's; `fs` is whatever has `open` as fsspec's have it.

GZIP = "gzip"


class SquirrelSerializer(ABC):
    """Values as bytes and back, for serializers of one's own.

    A `FilesystemStore` needs the first two methods; a `SquirrelStore` needs the others.

    Raises:
        StreamError: by the methods of shards, the serializer does not have them.
    """

    @abstractmethod
    def serialize(self, obj: Any) -> Any:
        """A value as bytes."""

    @abstractmethod
    def deserialize(self, obj: Any) -> Any:
        """The value that bytes hold."""

    def serialize_shard_to_file(self, shard: Iterable[Any], fp: str, **kwargs: Any) -> None:
        """Writes a list of records to a file."""
        raise _without("serialize_shard_to_file", self)

    def deserialize_shard_from_file(self, fp: str, **kwargs: Any) -> Iterable[Any]:
        """The records of a file."""
        raise _without("deserialize_shard_from_file", self)


def opened_shard(fp: str, fs: Any, mode: str, open_kwargs: dict[str, Any]) -> IO[bytes]:
    """The file of a shard, which is always compressed by gzip."""
    files = get_fs_from_url(fp) if fs is None else fs
    found: IO[bytes] = files.open(fp, mode=mode, **{**open_kwargs, "compression": GZIP})
    return found


def read_shard(fp: str, fs: Any, mode: str, open_kwargs: dict[str, Any]) -> bytes:
    """All that a shard holds, decompressed."""
    files = get_fs_from_url(fp) if fs is None else fs
    if isinstance(files, FileSystem):
        return files.unzipped(fp)
    with opened_shard(fp, files, mode, open_kwargs) as file:
        return file.read()


def _without(method: str, serializer: SquirrelSerializer) -> StreamError:
    return StreamError(
        f"a shard was to be kept by {type(serializer).__name__}, which has no {method}. Write the "
        "method, or take MessagepackSerializer or JsonSerializer."
    )
