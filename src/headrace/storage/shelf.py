"""Where the versions of a storage are, and how they are read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from headrace.blobs import Lease, LockingBlobs, open_blobs
from headrace.blobs.cache.cached import with_cache
from headrace.blobs.open import Locks
from headrace.contracts import Backend
from headrace.contracts.blobs import Blobs
from headrace.contracts.errors import ArgumentError
from headrace.dataref import DataRef
from headrace.digests import Trust
from headrace.formats.manifest.manifest import Manifest
from headrace.formats.shards.trust import VerifiedShards, check_named
from headrace.formats.stored import StoredRecords
from headrace.sources import Intake
from headrace.storage.appending import Appending
from headrace.storage.arguments import call_text
from headrace.storage.building import Build, publish, refuse_existing
from headrace.storage.catalog import Catalog, shards_folder
from headrace.storage.crew import Crew
from headrace.storage.spread import spread
from headrace.storage.tags import refuse_tag

# Any, in this file: records are the user's values, and options those of a store.


def blobs_at(
    url: str | os.PathLike[str] | LockingBlobs,
    *,
    durable: bool,
    storage_options: Mapping[str, Any] | None,
    locks: Locks,
) -> LockingBlobs:
    """The blobs at an address, or those that were given in its place.

    Raises:
        ArgumentError: it is neither, or the store does not take the options.
    """
    if isinstance(url, str | os.PathLike):
        return open_blobs(url, durable=durable, storage_options=storage_options, locks=locks)
    if isinstance(url, LockingBlobs):
        return url
    raise ArgumentError(
        f"storage needs a path, an address or blobs that can be locked, got {url!r}. "
        "Give a path such as '/data/headrace', or 'memory://'."
    )


@dataclass(frozen=True)
class Shelf:
    """The blobs of a storage, and those that records are read from; all else asks the store."""

    blobs: LockingBlobs
    copies: LockingBlobs
    trust: Trust

    @property
    def catalog(self) -> Catalog:
        """What is there."""
        return Catalog(self.blobs)

    def opened(self, manifest: Manifest, *, allow_pickle: bool) -> DataRef[Any]:
        """The records of a version.

        Raises:
            PickleRefused: it holds pickles.
            IntegrityError: it names its shards by a digest that is not trusted.
        """
        check_named(manifest, self.trust, url=self.blobs.url)
        blobs: Blobs = self.copies
        # Copies are compared as they come, and nothing of them is read by ranges.
        if self.trust == "sha256" and not getattr(blobs, "is_whole", False):
            blobs = cast("Blobs", VerifiedShards(blobs))
        folder = shards_folder(manifest.dataset)
        return DataRef(StoredRecords(blobs, manifest, folder=folder, allow_pickle=allow_pickle))

    def submitted(
        self, build: Build, intake: Intake, crew: Crew, appending: Appending
    ) -> DataRef[Any]:
        """Stores a new version, and opens it."""
        refuse_existing(self.blobs, build)
        appending.of(self.catalog, build)
        with Lease(self.blobs, build.dataset, build.version) as lease:
            # Whoever held the lease before may have published it, or deleted the parent.
            refuse_existing(self.blobs, build)
            build = appending.of(self.catalog, build)
            manifest = publish(lease, build, intake, crew)
        return self.opened(manifest, allow_pickle=build.allow_pickle)

    def built_once(self, build: Build, source: Any, backend: Backend | None) -> Manifest:
        """The version of one call of a function; made by it where nobody has done so.

        Raises:
            ArgumentError: it was made by a call with other arguments.
        """
        manifest = self._built(build)
        if manifest is not None:
            return manifest
        with Lease(self.blobs, build.dataset, build.version) as lease:
            manifest = self._built(build)
            if manifest is not None:
                return manifest
            refuse_tag(self.blobs, build.dataset, build.version)
            crew = Crew(backend)
            return publish(lease, build, Intake(source, spread=spread(crew)), crew)

    def _built(self, build: Build) -> Manifest | None:
        manifest = self.catalog.manifest_or_none(build.dataset, build.version)
        if manifest is None:
            return None
        kept, asked = manifest.meta.get("arguments", {}), build.meta["arguments"]
        if kept != asked:
            raise ArgumentError(
                f"{build.title} was stored from a call with {call_text(kept)}, got "
                f"{call_text(asked)}. Give other arguments a version of their own, or delete this "
                "one."
            )
        return manifest


def shelf_at(
    blobs: LockingBlobs,
    *,
    trust: Trust,
    cache_dir: str | os.PathLike[str] | None,
    cache_bytes: int | None,
) -> Shelf:
    """The versions in some blobs; those of a store are read from copies on this machine."""
    copies = with_cache(
        blobs, cache_dir=cache_dir, cache_bytes=cache_bytes, is_whole=trust == "sha256"
    )
    return Shelf(blobs, copies, trust)
