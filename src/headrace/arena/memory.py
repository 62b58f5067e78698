"""The memory of one slot, as one process sees it: behind a descriptor, or under a name."""

from __future__ import annotations

import mmap
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, Protocol

import numpy as np

# Sizes are powers of two from here on, so that a name can say one.
LEAST_BYTES = 1 << 16
# macOS takes names of up to 31 characters; a worker says in the first bytes that they are its.
MARK_BYTES = 64
# Windows ends named memory with the last who has it open; elsewhere it is a file of its own.
HAS_FILES = sys.platform != "win32"


class Memory(Protocol):
    """Memory that grows, and stays where it is while anybody has an array over it."""

    @property
    def first(self) -> int:
        """Where results may begin."""
        ...

    @property
    def mapping(self) -> mmap.mmap | None:
        """What this process has mapped of it last."""
        ...

    def refresh(self) -> None:
        """Finds out what others have done to its size."""
        ...

    def grow(self, size_bytes: int) -> bool:
        """Maps it in a larger size; whether what was in it before still is."""
        ...

    def attach(self, size_bytes: int) -> mmap.mmap:
        """It, of a size that a worker has given it. Raises FileNotFoundError where it is gone."""
        ...

    def empty(self) -> bool:
        """Gives its pages to the system; False where those who have it mapped would not see it."""
        ...

    def close(self, *, is_owner: bool) -> None:
        """Lets go of it; its owner ends it."""
        ...


class Descriptor:
    """Memory behind a descriptor: it has no name, so it ends with the last who has it."""

    first = 0

    def __init__(self, handle: int) -> None:
        self.mapping: mmap.mmap | None = None
        self._handle = handle

    def refresh(self) -> None:
        size_bytes = os.fstat(self._handle).st_size
        if size_bytes != _length(self.mapping):
            self.mapping = _mapped(self._handle, size_bytes) if size_bytes else None

    def grow(self, size_bytes: int) -> bool:
        os.ftruncate(self._handle, size_bytes)
        self.mapping = _mapped(self._handle, size_bytes)
        return True

    def attach(self, size_bytes: int) -> mmap.mmap:
        if self.mapping is None or len(self.mapping) != size_bytes:
            self.mapping = _mapped(self._handle, size_bytes)
        return self.mapping

    def empty(self) -> bool:
        self.mapping = None
        os.ftruncate(self._handle, 0)
        return True

    def close(self, *, is_owner: bool) -> None:
        self.mapping = None
        os.close(self._handle)


class Named:
    """Memory under names: one for each size, so that whoever ends it knows them all."""

    first = MARK_BYTES

    def __init__(self, name: str, most_bytes: int) -> None:
        self.mapping: mmap.mmap | None = None
        self._name = name
        self._most_bytes = most_bytes

    def refresh(self) -> None:
        """Nothing: one who has seen a smaller size goes on with that."""

    def grow(self, size_bytes: int) -> bool:
        self.mapping = _named(self._sized(size_bytes), size_bytes, is_new=True)
        self.mapping[:MARK_BYTES] = self._mark
        return False

    def attach(self, size_bytes: int) -> mmap.mmap:
        if self.mapping is None or len(self.mapping) != size_bytes:
            self.mapping = _named(self._sized(size_bytes), size_bytes, is_new=False)
            if self.mapping[:MARK_BYTES] != self._mark:
                self.mapping = None
                raise FileNotFoundError(f"{self._name} went with the worker that wrote it")
        return self.mapping

    def empty(self) -> bool:
        return False

    def close(self, *, is_owner: bool) -> None:
        self.mapping = None
        if not is_owner or not HAS_FILES:
            return
        unlink = import_module("_posixshmem").shm_unlink
        size_bytes = LEAST_BYTES
        while size_bytes < 2 * max(self._most_bytes, LEAST_BYTES):
            with suppress(FileNotFoundError):
                unlink(self._sized(size_bytes))
            size_bytes *= 2

    @property
    def _mark(self) -> bytes:
        return self._name.encode().ljust(MARK_BYTES)

    def _sized(self, size_bytes: int) -> str:
        return f"{self._name}.{size_bytes.bit_length()}"


def memory_of(handle: int | str, most_bytes: int) -> Memory:
    """The memory that a handle stands for."""
    return Descriptor(handle) if isinstance(handle, int) else Named(handle, most_bytes)


def address_of(mapping: mmap.mmap) -> int:
    """Where it lies in this process."""
    address: int = np.frombuffer(mapping, np.uint8).__array_interface__["data"][0]
    return address


def _length(mapping: mmap.mmap | None) -> int:
    return 0 if mapping is None else len(mapping)


def _mapped(handle: int, size_bytes: int) -> mmap.mmap:
    if sys.version_info >= (3, 13):
        # A copy of the descriptor for each mapping would use up what a process may have of them.
        return mmap.mmap(handle, size_bytes, trackfd=False)
    return mmap.mmap(handle, size_bytes)


def _named(name: str, size_bytes: int, *, is_new: bool) -> mmap.mmap:
    # Not by multiprocessing.shared_memory: up to Python 3.12 each process that opens such memory
    # starts a tracker, which unlinks it, and says so, when the first of them ends.
    if not HAS_FILES:
        # Any: its parameters differ from system to system.
        make: Any = mmap.mmap
        made: mmap.mmap = make(-1, size_bytes, tagname=name)
        return made
    flags = os.O_RDWR | (os.O_CREAT if is_new else 0)
    handle = import_module("_posixshmem").shm_open(name, flags, mode=0o600)
    try:
        # macOS sets the size of such memory once.
        if os.fstat(handle).st_size < size_bytes:
            os.ftruncate(handle, size_bytes)
        return _mapped(handle, size_bytes)
    finally:
        os.close(handle)
