"""What YogaDL's storages in buckets share."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from headrace.compat.yogadl.core import DataRef, Storage, Submittable
from headrace.compat.yogadl.storage.kept import Kept
from headrace.contracts.errors import ArgumentError
from headrace.storage import Storage as NativeStorage

# Any, in this file: options are those of a store, and TensorFlow publishes no types.


class BaseCloudConfigurations(abc.ABC):
    """Says in which bucket, and under which prefix, a storage is.

    `url` and what else is said of YogaDL's server of locks is accepted and not needed.
    """

    bucket: str
    bucket_directory_path: str | Path
    local_cache_dir: str | Path | None

    @abc.abstractmethod
    def options(self) -> dict[str, Any]:
        """What the configuration says of the store, as `headrace.Storage` takes it."""


class BaseCloudStorage(Storage):
    """A `headrace.Storage` in a bucket, with YogaDL's names; use S3Storage or GCSStorage.

    `storage_options` are those of `headrace.Storage`, beside what the configuration says.

    Raises:
        ArgumentError: `local_cache_dir` is no folder, or the store does not take the options.
    """

    def __init__(
        self,
        configurations: BaseCloudConfigurations,
        tensorflow_config: Any = None,
        *,
        storage_options: Mapping[str, Any] | None = None,
        allow_pickle: bool = False,
    ) -> None:
        cache_dir = configurations.local_cache_dir
        if cache_dir is not None and not Path(cache_dir).is_dir():
            raise ArgumentError(
                f"local_cache_dir must be a folder, got {str(cache_dir)!r}. Make it first, or "
                "leave it out for headrace's own."
            )
        folder = PurePosixPath("/", configurations.bucket_directory_path)
        native = NativeStorage(
            f"{self.scheme}://{configurations.bucket}{folder}".rstrip("/"),
            storage_options={**configurations.options(), **(storage_options or {})},
            cache_dir=cache_dir,
        )
        self._kept = Kept(native, allow_pickle, tensorflow_config)

    @property
    @abc.abstractmethod
    def scheme(self) -> str:
        """What an address of such a bucket begins with."""

    @property
    def native(self) -> NativeStorage:
        """The headrace Storage: versions, tags, appending, all else."""
        return self._kept.native

    def submit(self, data: Submittable, dataset_id: str, dataset_version: str) -> None:
        """Stores a dataset. See `LFSStorage.submit`."""
        self._kept.submit(data, dataset_id, dataset_version)

    def fetch(self, dataset_id: str, dataset_version: str) -> DataRef:
        """Gives the stored records, read from copies of their shards on this machine.

        Raises:
            NotFound: no such dataset or version; lists the near ones.
            Forbidden: the store does not let this user read.
            Unreachable: the store gives no answer.
        """
        return self._kept.fetch(dataset_id, dataset_version)

    def cacheable(
        self, dataset_id: str, dataset_version: str
    ) -> Callable[[Callable[..., Submittable]], Callable[..., DataRef]]:
        """Makes a function give what its first call stored. See `LFSStorage.cacheable`.

        Builders on several machines keep apart by a lease in the bucket.
        """
        return self._kept.cacheable(dataset_id, dataset_version)
