"""Datasets of an HDF5 file as the fields of records."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from headrace.contracts.block import Column, Columns
from headrace.contracts.collate import columns_of
from headrace.contracts.errors import ArgumentError, IntegrityError, near
from headrace.contracts.order import Indices
from headrace.extras import imported
from headrace.sources.files.paths import no_path
from headrace.sources.foreign.per_process import PerProcess

# Any, in this file: h5py has no types, and datasets are of every dtype.


@dataclass(frozen=True)
class Hdf5Records:
    """The rows of datasets of equal length in one file, a dict each.

    h5py lets one thread read at a time. A process opens the file when it first reads.
    """

    path: Path
    datasets: tuple[str, ...]
    length: int
    _open: PerProcess[dict[str, Any]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        opener = partial(_opened, self.path, self.datasets)
        object.__setattr__(self, "_open", PerProcess(opener))

    def __len__(self) -> int:
        return self.length

    @property
    def identity(self) -> str:
        """The file's name, how many datasets, and the length."""
        return f"hdf5[{self.path.name}, {len(self.datasets)} datasets, {self.length}]"

    def read(self, indices: Indices) -> Columns[Any]:
        """The rows at `indices`; each is read from the file once."""
        if not len(indices):
            unique, places = indices, indices
        else:
            # h5py wants indices in order and without repeats.
            unique, places = np.unique(indices, return_inverse=True)
        datasets = self._open.get()
        try:
            return columns_of({name: _rows(one, unique, places) for name, one in datasets.items()})
        except OSError as error:
            raise IntegrityError(
                f"{str(self.path)!r} cannot be read: {error}. It is cut off or damaged, or needs "
                "a filter of HDF5 that is not installed."
            ) from error


def hdf5_source(path: str | os.PathLike[str], datasets: Sequence[str] | None = None) -> Hdf5Records:
    """The rows of datasets of an HDF5 file: of those named, else of all with a first axis.

    Raises:
        MissingExtra: h5py is not installed.
        ArgumentError: no such file or dataset, none of HDF5, or datasets that are no columns.
    """
    h5py = imported("h5py", extra="hdf5")
    if datasets is not None and (isinstance(datasets, str) or not _are_names(datasets)):
        raise ArgumentError(
            f"datasets must be a list of names, got {datasets!r}. Pass one such as ['x', 'y']."
        )
    place = Path(path).absolute()
    if not place.is_file():
        raise no_path(place)
    try:
        with h5py.File(place, "r") as file:
            shapes = _shapes(file, h5py, datasets or ())
            names = [name for name in shapes if shapes[name]] if datasets is None else datasets
            return Hdf5Records(place, tuple(names), _length(place, names, shapes))
    except OSError as error:
        raise ArgumentError(
            f"an HDF5 file was expected, and {str(place)!r} cannot be opened as one: {error}. "
            "Check that it was written to its end."
        ) from error


def _are_names(datasets: Sequence[Any]) -> bool:
    return all(isinstance(name, str) for name in datasets)


def _shapes(file: Any, h5py: Any, named: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The shape of each dataset by its path, () of one that has no first axis."""
    found: dict[str, tuple[int, ...]] = {}

    def note(name: str, node: Any) -> None:
        # One that is Empty has no shape at all.
        if isinstance(node, h5py.Dataset):
            found[name] = tuple(node.shape or ())

    file.visititems(note)
    # A visit passes over links, and knows no name that begins with a slash.
    for name in named:
        note(name, file.get(name))
    return found


def _length(path: Path, names: Sequence[str], shapes: Mapping[str, tuple[int, ...]]) -> int:
    for name in names:
        if name not in shapes:
            raise ArgumentError(
                f"there is no dataset {name!r} in {str(path)!r}. {near(name, shapes)}"
            )
    lengths = {name: shapes[name][0] if shapes[name] else None for name in names}
    if len(set(lengths.values())) == 1 and None not in lengths.values():
        (length,) = set(lengths.values())
        return length or 0
    raise ArgumentError(
        f"datasets of one length were expected in {str(path)!r}, got {lengths or 'none'}. "
        'Name those that are fields of the records: hr.from_hdf5(path, ["x", "y"]).'
    )


def _opened(path: Path, names: Sequence[str]) -> dict[str, Any]:
    h5py = imported("h5py", extra="hdf5")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise IntegrityError(
            f"{str(path)!r} cannot be opened any more: {error}. It was moved or changed."
        ) from error
    # Text comes as bytes unless it is asked for.
    return {name: _texts(file[name], h5py) for name in names}


def _texts(dataset: Any, h5py: Any) -> Any:
    kind = h5py.check_string_dtype(dataset.dtype)
    return dataset if kind is None or kind.length is not None else dataset.asstr()


def _rows(dataset: Any, unique: Indices, places: Indices) -> Column:
    first, last = (unique[0], unique[-1]) if len(unique) else (0, -1)
    is_run = last - first == len(unique) - 1
    # A run is read a hundred times as fast as the same rows by number.
    found = dataset[int(first) : int(last) + 1] if is_run else dataset[unique]
    taken = found[places]
    return list(taken) if taken.dtype.hasobject else taken
