"""Files by path and address, over headrace's `Blobs` and `File`; the package fsspec is not used."""

from __future__ import annotations

from headrace.compat.squirrel.fsspec.fs import FileSystem, get_fs_from_url, get_protocol

__all__ = ["FileSystem", "get_fs_from_url", "get_protocol"]
