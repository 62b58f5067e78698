"""MDS folders of MosaicML Streaming, by the readers of their library."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from headrace.contracts.errors import ArgumentError, IntegrityError, PickleRefused
from headrace.contracts.order import Indices
from headrace.extras import imported
from headrace.sources.files.paths import no_path
from headrace.sources.foreign.per_process import PerProcess

# Any, in this file: the library is optional, and records are of every type.

INDEX = "index.json"
# The one encoding of a column that runs code when it is read.
PICKLED = "pkl"


@dataclass(frozen=True)
class MdsRecords:
    """The records of the shards that index.json lists, in its order; threads read side by side."""

    path: Path
    # Where each shard begins, and after them the length.
    starts: tuple[int, ...]
    _open: PerProcess[list[Any]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_open", PerProcess(partial(_readers, self.path)))

    def __len__(self) -> int:
        return self.starts[-1]

    @property
    def identity(self) -> str:
        """The folder's name and the length."""
        return f"mds[{self.path.name}, {len(self)}]"

    def read(self, indices: Indices) -> list[dict[str, Any]]:
        """The records at `indices`, each by a read of its own."""
        readers = self._open.get()
        shards = np.searchsorted(self.starts, indices, side="right") - 1
        try:
            return [
                readers[shard][index - self.starts[shard]]
                for shard, index in zip(shards.tolist(), indices.tolist(), strict=True)
            ]
        except (OSError, IndexError, ValueError) as error:
            raise IntegrityError(
                f"a shard of {str(self.path)!r} cannot be read: {error}. Write or download the "
                "folder again."
            ) from error


def mds_source(path: str | os.PathLike[str], *, allow_pickle: bool = False) -> MdsRecords:
    """The records of a local MDS folder.

    Raises:
        MissingExtra: mosaicml-streaming is not installed.
        ArgumentError: no such folder, no MDS in it, or shards that are compressed only.
        PickleRefused: a column is pickled, and `allow_pickle` was not said.
    """
    place = Path(path).absolute()
    if not place.is_dir():
        raise no_path(place)
    shards = _shards(place)
    for shard in shards:
        _check(place, shard, allow_pickle)
    _library()
    counts = [shard["samples"] for shard in shards]
    return MdsRecords(place, (0, *np.cumsum(counts, dtype=np.int64).tolist()))


def _shards(folder: Path) -> list[dict[str, Any]]:
    try:
        index = json.loads((folder / INDEX).read_bytes())
        shards: list[dict[str, Any]] = index["shards"]
        if all(shard["format"] == "mds" for shard in shards):
            return shards
        reason = "its shards have another format"
    except FileNotFoundError:
        reason = f"it has no {INDEX}"
    except (ValueError, LookupError, TypeError) as error:
        reason = f"its {INDEX} is none of MDS ({type(error).__name__}: {error})"
    raise ArgumentError(
        f"a folder that MDSWriter wrote was expected, got {str(folder)!r}: {reason}. "
        "Pass the folder of one split, downloaded."
    )


def _check(folder: Path, shard: dict[str, Any], allow_pickle: bool) -> None:
    columns = zip(shard["column_names"], shard["column_encodings"], strict=True)
    pickled = [name for name, encoding in columns if encoding == PICKLED]
    if pickled and not allow_pickle:
        raise PickleRefused(
            f"the columns {pickled} of {str(folder)!r} are pickles, and reading a pickle can run "
            "any code. If you trust who wrote them, pass allow_pickle=True."
        )
    name = shard["raw_data"]["basename"]
    if not (folder / name).is_file():
        raise ArgumentError(
            f"the shard {name!r} of {str(folder)!r} is not there, or only compressed. Download "
            "the folder whole, and decompress its shards, as StreamingDataset(keep_zip=False) does."
        )


def _library() -> Any:
    return imported("streaming.base.format", extra="mds")


def _readers(folder: Path) -> list[Any]:
    library = _library()
    return [library.reader_from_json(str(folder), None, shard) for shard in _shards(folder)]
