"""Read-only memory maps of files that keep no descriptor open."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from headrace.contracts.blobs import Mapped

# What mmap(2) returns where it failed.
MAP_FAILED = ctypes.c_void_p(-1).value


def map_file(path: Path) -> Mapped:
    """The bytes of a file as a read-only array that is read from disk when touched.

    A dataset of a thousand shards keeps a thousand of these open, so none may hold one of the
    process's descriptors (often only 1,024).
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        size_bytes = os.fstat(descriptor).st_size
        if size_bytes == 0:
            return _read_only(np.empty(0, np.uint8))
        return _mapped(descriptor, size_bytes)
    finally:
        os.close(descriptor)


def _mapped(descriptor: int, size_bytes: int) -> Mapped:
    if sys.platform == "win32":
        return np.frombuffer(mmap.mmap(descriptor, size_bytes, access=mmap.ACCESS_READ), np.uint8)
    if sys.version_info >= (3, 13):
        view = mmap.mmap(descriptor, size_bytes, access=mmap.ACCESS_READ, trackfd=False)
        return np.frombuffer(view, np.uint8)
    return np.asarray(_NativeMap(descriptor, size_bytes))


def _read_only(array: Mapped) -> Mapped:
    array.flags.writeable = False
    return array


class _NativeMap:
    """A map made by mmap(2) itself: before Python 3.13 `mmap.mmap` duplicates the descriptor.

    NumPy keeps this object alive as long as an array looks into it.
    """

    def __init__(self, descriptor: int, size_bytes: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        address = libc.mmap(None, size_bytes, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
        if address == MAP_FAILED:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        self._address = address
        self._size_bytes = size_bytes
        # Not at exit: arrays may outlive the finalizers, and the system unmaps anyway.
        weakref.finalize(self, libc.munmap, address, size_bytes).atexit = False

    @property
    def __array_interface__(self) -> Mapping[str, Any]:  # Any: the protocol's mixed values
        return {
            "version": 3,
            "typestr": "|u1",
            "shape": (self._size_bytes,),
            "data": (self._address, True),
        }
