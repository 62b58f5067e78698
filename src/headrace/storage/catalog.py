"""Where the parts of a dataset lie under a storage root, and which versions there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from headrace.blobs import LockingBlobs
from headrace.contracts.blobs import BlobStat
from headrace.contracts.errors import IntegrityError, InvalidName, NotFound, StorageError, near
from headrace.formats.manifest.manifest import Manifest, decode
from headrace.formats.manifest.sound_manifest import NAME
from headrace.storage.at_once import each

MANIFEST_SUFFIX = ".json"


class Tag(msgspec.Struct, frozen=True):
    """What a tag points at."""

    version: str


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
        return list(self.committed(dataset))

    def committed(self, dataset: str) -> dict[str, BlobStat]:
        """The same, with what the listing says of their manifests."""
        stats = self._manifests(dataset).items()
        return dict(sorted(stats, key=lambda named: (named[1].modified_ns, named[0])))

    def newest(self, dataset: str) -> str:
        """The version that was committed last. Raises NotFound."""
        return self.known_versions(dataset)[-1]

    def known_versions(self, dataset: str) -> list[str]:
        """The versions of a dataset that has one. Raises NotFound."""
        versions = self.versions(dataset)
        if not versions:
            raise self.no_dataset(dataset)
        return versions

    def has(self, dataset: str, version: str) -> bool:
        """Whether the version is committed."""
        return self.blobs.stat(manifest_key(dataset, version)) is not None

    def check(self, dataset: str, version: str) -> None:
        """Makes sure that the version is committed, whatever is in its manifest.

        Raises:
            NotFound: it is not; lists the near ones.
        """
        if not self.has(dataset, version):
            raise self.no_version(dataset, version, [])

    def manifest(self, dataset: str, version: str) -> Manifest:
        """The manifest of a version. Raises NotFound, which lists the near ones."""
        manifest = self.manifest_or_none(dataset, version)
        if manifest is None:
            raise self.no_version(dataset, version, [])
        return manifest

    def manifest_or_none(self, dataset: str, version: str) -> Manifest | None:
        """The manifest of a version, None where there is none."""
        key = manifest_key(dataset, version)
        with suppress(NotFound):
            return decode(self.blobs.get(key), key=key)
        return None

    def found(self, dataset: str, name: str) -> Manifest:
        """The manifest of a version, or of the one that the tag of this name points at.

        A version goes before a tag. Raises NotFound, which lists the near ones of both.
        """
        manifest = self.manifest_or_none(dataset, name)
        if manifest is not None:
            return manifest
        version = self.tagged(dataset, name)
        while version is not None:
            manifest = self.manifest_or_none(dataset, version)
            if manifest is not None:
                return manifest
            # Somebody may have moved it, and deleted the version, since it was read.
            before, version = version, self.tagged(dataset, name)
            if version == before:
                raise NotFound(
                    f"the tag {name!r} of {dataset} points at version {version!r}, which is gone "
                    f"from {self.blobs.url}. Move it by storage.tag, or take it away by "
                    "storage.untag."
                )
        raise self.no_version(dataset, name, self._tags_if_listed(dataset))

    def tags(self, dataset: str) -> dict[str, str]:
        """The version that each tag of a dataset points at, by name."""
        names = sorted(self._names(tags_folder(dataset)))
        found = zip(names, each(lambda tag: self.tagged(dataset, tag), names), strict=True)
        # One may have gone since it was listed.
        return {tag: version for tag, version in found if version is not None}

    def _tags_if_listed(self, dataset: str) -> Iterable[str]:
        with suppress(StorageError):
            return self.tags(dataset)
        return ()

    def tagged(self, dataset: str, tag: str) -> str | None:
        """The version that a tag points at, None where there is no such tag."""
        key = tag_key(dataset, tag)
        try:
            version = msgspec.json.decode(self.blobs.get(key), type=Tag).version
        except NotFound:
            return None
        except msgspec.DecodeError as error:
            raise _no_tag(key, error) from error
        if not NAME.fullmatch(version):
            raise _no_tag(key, f"{version!r} is no name of a version")
        return version

    def no_version(self, dataset: str, version: str, tags: Iterable[str]) -> NotFound:
        """The error for a name that is no version, nor one of the tags.

        The name is known to be absent: a store that cannot be listed does not change that.
        """
        try:
            versions = self.versions(dataset)
        except StorageError:
            return NotFound(
                f"there is no version {version!r} of {dataset} in {self.blobs.url}. "
                "Check the name: what there is cannot be listed."
            )
        if not versions:
            return self.no_dataset(dataset)
        return NotFound(
            f"there is no version {version!r} of {dataset} in {self.blobs.url}. "
            + near(version, [*reversed(versions), *tags])
        )

    def no_dataset(self, dataset: str) -> NotFound:
        """The error for a dataset without a version."""
        return NotFound(
            f"there is no dataset {dataset!r} in {self.blobs.url}. "
            + near(dataset, self.datasets())
        )

    def _manifests(self, dataset: str) -> dict[str, BlobStat]:
        return self._names(versions_folder(dataset))

    def _names(self, folder: str) -> dict[str, BlobStat]:
        """What is named by a file right under a folder."""
        found = {}
        for stat in self.blobs.list(folder):
            file = stat.key.removeprefix(folder + "/")
            name = file.removesuffix(MANIFEST_SUFFIX)
            if name != file and NAME.fullmatch(name):
                found[name] = stat
        return found


def _no_tag(key: str, reason: object) -> IntegrityError:
    return IntegrityError(
        f"{key} is no tag: {reason}. Expected what storage.tag wrote; set it again, or untag it."
    )


def versions_folder(dataset: str) -> str:
    """Where the manifests of a dataset are."""
    return f"{dataset}/versions"


def manifest_key(dataset: str, version: str) -> str:
    """Where the manifest of a version is: its commit point."""
    return f"{versions_folder(dataset)}/{version}{MANIFEST_SUFFIX}"


def tags_folder(dataset: str) -> str:
    """Where the tags of a dataset are."""
    return f"{dataset}/tags"


def tag_key(dataset: str, tag: str) -> str:
    """Where it is written what a tag points at."""
    return f"{tags_folder(dataset)}/{tag}{MANIFEST_SUFFIX}"


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
