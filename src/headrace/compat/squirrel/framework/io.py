"""One value as one file."""

from __future__ import annotations

from typing import Any

from headrace.compat.squirrel.fsspec.fs import get_fs_from_url
from headrace.compat.squirrel.serialization.serializer import SquirrelSerializer

# Any, in this file: values are the user's; `fs` is whatever has `open` as fsspec's have it.


def write_to_file(
    fp: str,
    obj: Any,
    fs: Any = None,
    serializer: SquirrelSerializer | None = None,
    **open_kwargs: Any,
) -> None:
    """Writes a value to a file, which appears whole; pass `mode="wb"`, or "w" for text."""
    content = obj if serializer is None else serializer.serialize(obj)
    with (get_fs_from_url(fp) if fs is None else fs).open(fp, **open_kwargs) as file:
        file.write(content)


def read_from_file(
    fp: str, fs: Any = None, serializer: SquirrelSerializer | None = None, **open_kwargs: Any
) -> Any:
    """The value of a file."""
    with (get_fs_from_url(fp) if fs is None else fs).open(fp, **open_kwargs) as file:
        content = file.read()
    return content if serializer is None else serializer.deserialize(content)
