"""YogaDL's storage in a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.compat.yogadl.core import DataRef, Storage, Submittable
from headrace.compat.yogadl.dataref import LMDBDataRef
from headrace.compat.yogadl.storage.kept import Kept
from headrace.contracts.errors import ArgumentError, NotFound
from headrace.storage import Storage as NativeStorage

# Any, in this file: TensorFlow publishes no types.

# What YogaDL calls the file of a version.
OLD_CACHE = "cache.mdb"


@dataclass(frozen=True)
class LFSConfigurations:
    """Says in which folder an LFSStorage is."""

    storage_dir_path: Path

    def __init__(self, storage_dir_path: str | Path) -> None:
        object.__setattr__(self, "storage_dir_path", Path(storage_dir_path))


class LFSStorage(Storage):
    """A `headrace.Storage` in a folder, with YogaDL's names.

    A cache that YogaDL left in the folder is fetched where `allow_pickle` says that its pickles
    are trusted. What is submitted needs no pickles, unless records hold objects of one's own.
    `tensorflow_config` is that of the session which reads datasets in graph mode.

    Raises:
        ArgumentError: there is no such folder.

    Example:
        >>> import headrace.compat.yogadl as yogadl
        >>> import tempfile
        >>> config = yogadl.storage.LFSConfigurations(tempfile.mkdtemp())
        >>> storage = yogadl.storage.LFSStorage(config)
        >>> storage.submit(range(10), "range", "1.0")
        >>> len(storage.fetch("range", "1.0"))
        10
    """

    def __init__(
        self,
        configurations: LFSConfigurations,
        tensorflow_config: Any = None,
        *,
        allow_pickle: bool = False,
    ) -> None:
        self._folder = configurations.storage_dir_path
        if not self._folder.is_dir():
            raise ArgumentError(
                f"storage_dir_path must be a folder, got {str(self._folder)!r}. Make it first."
            )
        self._kept = Kept(NativeStorage(self._folder), allow_pickle, tensorflow_config)

    @property
    def native(self) -> NativeStorage:
        """The headrace Storage: versions, tags, appending, all else."""
        return self._kept.native

    def submit(self, data: Submittable, dataset_id: str, dataset_version: str) -> None:
        """Stores a dataset; one of that name and version is replaced when the new one is whole.

        `data` is a tf.data.Dataset, or anything that `headrace.Storage.submit` takes.

        Raises:
            InvalidName: an id or version that is no plain name.
            ArgumentError: `data` is no source of records, or never ends.
            RecordError: a record that cannot be stored.
        """
        self._kept.submit(data, dataset_id, dataset_version)

    def fetch(self, dataset_id: str, dataset_version: str) -> DataRef:
        """Gives the stored records, or those of a cache that YogaDL left here.

        Raises:
            NotFound: no such dataset or version; lists the near ones.
            PickleRefused: it holds pickles, and `allow_pickle` was not said.
        """
        try:
            return self._kept.fetch(dataset_id, dataset_version)
        except NotFound:
            old = self._folder / dataset_id / dataset_version / OLD_CACHE
            if not old.is_file():
                raise
        return LMDBDataRef(old, allow_pickle=self._kept.allow_pickle)

    def cacheable(
        self, dataset_id: str, dataset_version: str
    ) -> Callable[[Callable[..., Submittable]], Callable[..., DataRef]]:
        """Makes a function that returns a dataset give what its first call stored.

        Among all processes one calls it, the others wait and read. The arguments of a call are
        not looked at: the first result stands.

        Raises:
            InvalidName: an id or version that is no plain name.
        """
        return self._kept.cacheable(dataset_id, dataset_version)
