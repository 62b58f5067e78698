"""LitData folders, by the dataset of their library."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from headrace.contracts.errors import ArgumentError, IntegrityError, PickleRefused
from headrace.contracts.order import Indices
from headrace.contracts.tree import builder, flatten, structure_of
from headrace.extras import imported
from headrace.sources.files.paths import no_path
from headrace.sources.foreign.per_process import PerProcess

# Any, in this file: the library is optional, and records are of every type.

INDEX = "index.json"
# Formats of leaves, up to their first colon, that run code when they are read.
PICKLED = {"pickle", "graph"}
# The one whose records are in the file as they are.
RECORDS_LOADER = "PyTreeLoader"


@dataclass(frozen=True)
class LitdataRecords:
    """The records of a folder that `litdata.optimize` wrote; one thread reads at a time."""

    path: Path
    length: int
    _open: PerProcess[_Opened] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_open", PerProcess(partial(_Opened, self.path)))

    def __len__(self) -> int:
        return self.length

    @property
    def identity(self) -> str:
        """The folder's name and the length."""
        return f"litdata[{self.path.name}, {self.length}]"

    def read(self, indices: Indices) -> list[Any]:
        """The records at `indices`, one by one."""
        try:
            return self._open.get().read(indices.tolist())
        except (OSError, ValueError, LookupError) as error:
            raise IntegrityError(
                f"a chunk of {str(self.path)!r} cannot be read: {type(error).__name__}: {error}. "
                "Write or download the folder again."
            ) from error


def litdata_source(path: str | os.PathLike[str], *, allow_pickle: bool = False) -> LitdataRecords:
    """The records of a local LitData folder.

    Raises:
        MissingExtra: litdata is not installed.
        ArgumentError: no such folder, or no LitData in it.
        PickleRefused: a leaf is pickled, and `allow_pickle` was not said.
    """
    place = Path(path).absolute()
    if not place.is_dir():
        raise no_path(place)
    index = _index(place)
    pickled = [kind for kind in index["config"]["data_format"] if kind.split(":")[0] in PICKLED]
    if pickled and not allow_pickle:
        raise PickleRefused(
            f"{str(place)!r} holds leaves of the formats {pickled}, which are pickles, and reading "
            "a pickle can run any code. If you trust who wrote it, pass allow_pickle=True."
        )
    _check(place, index)
    imported("litdata", extra="litdata")
    return LitdataRecords(place, sum(chunk["chunk_size"] for chunk in index["chunks"]))


def _index(folder: Path) -> dict[str, Any]:
    try:
        index: dict[str, Any] = json.loads((folder / INDEX).read_bytes())
        if all("chunk_size" in chunk for chunk in index["chunks"]) and (
            index["config"]["data_format"] is not None
        ):
            return index
        reason = f"its {INDEX} is none of LitData"
    except FileNotFoundError:
        reason = f"it has no {INDEX}"
    except (ValueError, LookupError, TypeError) as error:
        reason = f"its {INDEX} is none of LitData ({type(error).__name__}: {error})"
    raise ArgumentError(
        f"a folder that litdata.optimize wrote was expected, got {str(folder)!r}: {reason}. "
        "Pass the folder itself, downloaded."
    )


def _check(folder: Path, index: dict[str, Any]) -> None:
    loader = index["config"].get("item_loader") or RECORDS_LOADER
    if loader != RECORDS_LOADER:
        raise ArgumentError(
            f"{str(folder)!r} was written for the item loader {loader}, which cuts records of a "
            "length of your choice. Pass litdata's own dataset: "
            f"hr.stream(litdata.StreamingDataset(path, item_loader={loader}(...)))."
        )
    for chunk in index["chunks"]:
        # Without this the library waits for minutes for what nobody downloads.
        if not (folder / chunk["filename"]).is_file():
            raise ArgumentError(
                f"the chunk {chunk['filename']!r} of {str(folder)!r} is not there. "
                "Download the folder whole."
            )


class _Opened:
    """The library's dataset, which threads may not share by themselves."""

    def __init__(self, path: Path) -> None:
        self._dataset: Any = imported("litdata", extra="litdata").StreamingDataset(str(path))
        self._lock = threading.Lock()

    def read(self, indices: list[int]) -> list[Any]:
        with self._lock:
            return [_owned(self._dataset[index]) for index in indices]


def _owned(record: Any) -> Any:
    """The record with bytes for the views of a mapped chunk, which may be closed."""
    tree = structure_of(record)
    leaves = flatten(tree, record)
    if not any(isinstance(leaf, memoryview) for leaf in leaves):
        return record
    return builder(tree)(
        [leaf.tobytes() if isinstance(leaf, memoryview) else leaf for leaf in leaves]
    )
