"""Where the parts of a dataset lie under a storage root, and which versions there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from headrace.blobs import LockingBlobs
from headrace.contracts.blobs import BlobStat
from headrace.contracts.errors import InvalidName, NotFound, near
from headrace.formats.manifest import Manifest, decode

# A plain file name everywhere, also in an address: no separators, no leading dot, no `~`.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}")
MANIFEST_SUFFIX = ".json"


@dataclass(frozen=True)
class Catalog:
    """What is stored: a dataset is there when it has a version, a version by its manifest."""

    blobs: LockingBlobs

    def datasets(self) -> list[str]:
        """The names of the datasets, the one with the oldest version first."""
        ages = []
        for name in self.folders():
            stats = self._manifests(name)
            if stats:
                ages.append((min(stat.modified_ns for stat in stats.values()), name))
        return [name for _, name in sorted(ages)]

    def folders(self) -> Iterator[str]:
        """The folders that could be datasets."""
        return (name for name in self.blobs.folders("") if NAME.fullmatch(name))

    def versions(self, dataset: str) -> list[str]:
        """The versions of a dataset, the one committed first in front; ties by name."""
        stats = self._manifests(dataset)
        return sorted(stats, key=lambda version: (stats[version].modified_ns, version))

    def newest(self, dataset: str) -> str:
        """The version that was committed last. Raises NotFound."""
        versions = self.versions(dataset)
        if not versions:
            raise self._no_dataset(dataset)
        return versions[-1]

    def has(self, dataset: str, version: str) -> bool:
        """Whether the version is committed."""
        return self.blobs.stat(manifest_key(dataset, version)) is not None

    def manifest(self, dataset: str, version: str) -> Manifest:
        """The manifest of a version. Raises NotFound, which lists the near ones."""
        key = manifest_key(dataset, version)
        with suppress(NotFound):
            return decode(self.blobs.get(key), key=key)
        versions = self.versions(dataset)
        if not versions:
            raise self._no_dataset(dataset)
        raise NotFound(
            f"there is no version {version!r} of {dataset} in {self.blobs.url}. "
            + near(version, reversed(versions))
        )

    def _no_dataset(self, dataset: str) -> NotFound:
        return NotFound(
            f"there is no dataset {dataset!r} in {self.blobs.url}. "
            + near(dataset, self.datasets())
        )

    def _manifests(self, dataset: str) -> dict[str, BlobStat]:
        folder = versions_folder(dataset)
        found = {}
        for stat in self.blobs.list(folder):
            name = stat.key.removeprefix(folder + "/")
            version = name.removesuffix(MANIFEST_SUFFIX)
            if version != name and NAME.fullmatch(version):
                found[version] = stat
        return found


def versions_folder(dataset: str) -> str:
    """Where the manifests of a dataset are."""
    return f"{dataset}/versions"


def manifest_key(dataset: str, version: str) -> str:
    """Where the manifest of a version is: its commit point."""
    return f"{versions_folder(dataset)}/{version}{MANIFEST_SUFFIX}"


def retired_folder(dataset: str) -> str:
    """Where the manifests of deleted and replaced versions wait for `prune`."""
    return f"{dataset}/retired"


def shards_folder(dataset: str) -> str:
    """Where the shards of all versions of a dataset are."""
    return f"{dataset}/shards"


def values_folder(store: str) -> str:
    """Where the values of a key-value store are."""
    return f"{store}/values"


def checked_names(dataset: str, version: str) -> None:
    """Makes sure that both are plain names.

    Raises:
        InvalidName: one is empty, or holds what is no letter, digit, `_`, `.`, `+` or `-`.
    """
    checked_name("dataset", dataset)
    checked_name("version", version)


def checked_name(kind: str, name: str) -> str:
    """`name`, where it is a plain one. Raises InvalidName."""
    # Who passes the number 1.0 as a version gets the same answer.
    if NAME.fullmatch(str(name)) and type(name) is str:
        return name
    raise InvalidName(
        f"a {kind} name must be 1 to 128 letters, digits, '_', '.', '+' or '-', the first one "
        f"a letter, digit or '_', got {name!r}. Choose a plain name such as "
        + ("'1.0'." if kind == "version" else "'digits'.")
    )
