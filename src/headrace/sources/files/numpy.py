"""Arrays in .npy and .npz files as columns of records."""

from __future__ import annotations

import os
import zlib
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from headrace.contracts.errors import ArgumentError, PickleRefused
from headrace.deferred import zipfile
from headrace.sources.arrays import ArrayRecords
from headrace.sources.files.paths import no_path

# Any, in this file: arrays are of every dtype.
NUMPY_SUFFIXES = (".npy", ".npz")


def numpy_source(path: str | os.PathLike[str]) -> ArrayRecords:
    """The rows of an array file: .npy without a copy, by a memory map; .npz by name, in memory.

    Raises:
        ArgumentError: no such file, no array file, a single number, or arrays of different lengths.
        PickleRefused: it holds Python objects.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "x.npy"
        >>> np.save(path, np.arange(6).reshape(3, 2))
        >>> numpy_source(path).read(np.array([2])).stack()
        array([[4, 5]])
    """
    file = Path(path)
    if not file.is_file():
        raise no_path(file)
    try:
        arrays = _named(file) if zipfile.is_zipfile(file) else _mapped(file)
        # A copy in another process maps the file again.
        return ArrayRecords(arrays, partial(numpy_source, file.absolute()))
    except ArgumentError as error:
        raise ArgumentError(f"{str(file)!r} holds no records: {error}") from error


def _mapped(file: Path) -> npt.NDArray[Any]:
    try:
        with file.open("rb") as opened:
            np.lib.format.read_magic(opened)
    except ValueError as error:
        raise ArgumentError(
            "a .npy or .npz file was expected, and it does not begin as one. "
            "Write it with np.save or np.savez."
        ) from error
    try:
        return np.load(file, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
    except ValueError as error:
        _refuse(error, file)


def _named(file: Path) -> dict[str, npt.NDArray[Any]]:
    place: object = file
    try:
        with np.load(file, allow_pickle=False) as arrays:
            found: dict[str, npt.NDArray[Any]] = {}
            for name in arrays.files:
                place = f"{file}, array {name!r}"
                found[name] = arrays[name]
            return found
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        _refuse(error, place)


def _refuse(error: Exception, place: object) -> NoReturn:
    # NumPy has one class for both, and says which in words.
    if "object" in str(error).lower():
        raise PickleRefused(
            f"{place} holds Python objects, which only pickle can read, and a pickle runs code. "
            "Save arrays of numbers or text."
        ) from error
    raise ArgumentError(f"{place} is damaged: {error}. Write it again.") from error
