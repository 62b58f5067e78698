"""How a version comes to be: under its lease, shards first, then one write of the manifest."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from headrace.blobs import Lease, LockingBlobs
from headrace.contracts.block import Block
from headrace.contracts.errors import HeadraceError, RecordError, VersionExists, whole
from headrace.digests import Trust
from headrace.formats.compression.fields import NO_COMPRESSION, Compression
from headrace.formats.manifest.manifest import (
    FORMAT_VERSION,
    NOBODY,
    Made,
    Manifest,
    decode,
    encode,
)
from headrace.formats.writing.target import SHARD_BYTES, Target
from headrace.formats.writing.writer import Written, write_blocks
from headrace.progress import ProgressBar
from headrace.sources import Intake
from headrace.storage.catalog import (
    MANIFEST_SUFFIX,
    Catalog,
    manifest_key,
    retired_folder,
    shards_folder,
)
from headrace.storage.crew import Crew
from headrace.storage.side_by_side import Division, is_divisible, note_source
from headrace.storage.spread import Spread
from headrace.storage.stretch import Mark
from headrace.storage.tags import refuse_tag, refuse_tagged
from headrace.storage.upkeep import reclaim

# Any, in this file: records are the user's values, of every type.

logger = logging.getLogger("headrace")


@dataclass(frozen=True)
class Build:
    """A version to be built: its name, and how it is stored."""

    dataset: str
    version: str
    replace: bool = False
    allow_pickle: bool = False
    meta: Mapping[str, Any] = field(default_factory=dict)
    shard_bytes: int = SHARD_BYTES
    compression: Compression = NO_COMPRESSION
    trust: Trust = "xxh3"
    # The version whose shards are the first ones of this one.
    parent: Manifest | None = None
    made: Made = NOBODY

    @property
    def title(self) -> str:
        """Dataset and version, for people."""
        return f"{self.dataset} {self.version}"

    @property
    def key(self) -> str:
        """Where the manifest goes."""
        return manifest_key(self.dataset, self.version)

    def manifest(self, written: Written, origin: dict[str, Any]) -> Manifest:
        """The manifest of what was written, behind what the parent has."""
        parent = self.parent
        if parent is not None and parent.origin != origin:
            # It would be true of some of the records only.
            origin = {}
        return Manifest(
            format=FORMAT_VERSION,
            dataset=self.dataset,
            version=self.version,
            schema=written.schema,
            shards=written.shards if parent is None else parent.shards + written.shards,
            meta=dict(self.meta),
            origin=origin,
            parent="" if parent is None else parent.version,
            made=self.made,
        )


def checked_shard_bytes(shard_bytes: object) -> int:
    """`shard_bytes`, where it is a number of bytes. Raises ArgumentError."""
    return whole("shard_bytes", shard_bytes, least=1, remedy="64 MiB suits most data.")


def refuse_existing(blobs: LockingBlobs, build: Build) -> None:
    """Makes sure that the version may be written. Raises VersionExists."""
    refuse_tag(blobs, build.dataset, build.version)
    if not build.replace and Catalog(blobs).has(build.dataset, build.version):
        raise VersionExists(
            f"{build.title} is in {blobs.url} already, and versions do not change. "
            "Choose another version, or pass replace=True."
        )


def publish(lease: Lease, build: Build, intake: Intake, crew: Crew) -> Manifest:
    """Writes all records and then the manifest, which it gives; ends the crew.

    What is raised meanwhile leaves nothing behind, except a shard that another builder may
    have come to use: that one stays until `prune`. Where leases are renewed, all shards do.
    """
    if lease.is_inherited:
        _reclaim_quietly(lease)
    if build.replace:
        lease.watch(build.key)
    try:
        with ProgressBar(build.title, total=intake.total) as bar:
            written = _write(lease, build, intake, crew, bar)
        manifest = build.manifest(written, intake.origin)
        commit(lease, manifest, is_replacing=build.replace)
    except BaseException as error:
        if build.parent is not None and isinstance(error, RecordError):
            error.add_note(
                f"Records count from the first new one; before it are the {build.parent.rows:,} of "
                f"{build.dataset} {build.parent.version}."
            )
        _tidy(lease, error)
        raise
    if crew.look_ahead:
        # Of killed workers, and what was written ahead of a record that changed the schema.
        _reclaim_quietly(lease)
    return manifest


def _write(lease: Lease, build: Build, intake: Intake, crew: Crew, bar: ProgressBar) -> Written:
    with ExitStack() as end:
        end.enter_context(crew)
        # Closed here: an error would keep what runs for as long as its traceback lives.
        blocks = end.enter_context(closing(_noted(intake, build, lease)))
        # What a function returns is known once it has given something.
        first = list(islice(blocks, 1))
        folder, source = shards_folder(build.dataset), intake.whole
        schema = None if build.parent is None else build.parent.schema
        target = Target(lease.blobs, folder, build.shard_bytes, build.compression, build.trust)
        if isinstance(source, Spread) and is_divisible(source, target):
            division = Division(
                source, target, Mark(*lease.mark()), build.title, build.allow_pickle, schema
            )
            return division.write(chain(first, blocks), bar, close=blocks.close)
        return write_blocks(
            chain(first, blocks),
            target,
            advance=bar.advance,
            allow_pickle=build.allow_pickle,
            schema=schema,
        )


def commit(lease: Lease, manifest: Manifest, *, is_replacing: bool) -> None:
    """Publishes a version, all of whose shards are there.

    Raises:
        LeaseLost: another builder took it over.
        IntegrityError: the manifest is larger than can be read again.
    """
    blobs, key = lease.blobs, manifest_key(manifest.dataset, manifest.version)
    payload = encode(manifest)
    decode(payload, key=key)
    if is_replacing and blobs.stat(key) is not None:
        retire(blobs, manifest.dataset, manifest.version)
    lease.publish(key, payload, replace=is_replacing)


def retire(blobs: LockingBlobs, dataset: str, version: str) -> None:
    """Keeps a copy of a manifest, so that open readers keep their shards for a while."""
    # The time only makes the name unique; `prune` asks the store when it was written.
    name = f"{version}.{time.time_ns()}{MANIFEST_SUFFIX}"
    payload = blobs.get(manifest_key(dataset, version))
    blobs.put(f"{retired_folder(dataset)}/{name}", payload)


def withdraw(catalog: Catalog, dataset: str, version: str) -> None:
    """Takes a version away, also one that is damaged; `prune` frees its space.

    Raises:
        NotFound: no such dataset or version; lists the near ones.
        ArgumentError: a tag points at it.
        LeaseLost: another has taken over.
    """
    catalog.check(dataset, version)
    with Lease(catalog.blobs, dataset, version) as lease:
        # It may have gone while this waited; saying so is the same error.
        catalog.check(dataset, version)
        refuse_tagged(catalog, dataset, version)
        retire(lease.blobs, dataset, version)
        lease.delete(manifest_key(dataset, version))


def _noted(blocks: Iterable[Block[Any]], build: Build, lease: Lease) -> Generator[Block[Any]]:
    """The blocks, while the lease is ours; what the source raises says at which record it did."""
    drawn = 0
    source = iter(blocks)
    while True:
        lease.check_known()
        try:
            block = next(source)
        except StopIteration:
            return
        except Exception as error:
            note_source(error, build.title, drawn)
            raise
        drawn += len(block)
        yield block


def _reclaim(lease: Lease) -> None:
    if lease.is_renewed:
        # A builder that was stopped, and goes on, may rely on any shard. `prune` can wait.
        return
    # Retired manifests are left to `prune`, whose caller says how long readers may need them.
    reclaim(lease.blobs, lease.dataset, grace_s=math.inf, besides=lease.version)


def _reclaim_quietly(lease: Lease) -> None:
    try:
        _reclaim(lease)
    except (HeadraceError, OSError) as error:
        # Of another version, say of a newer format: no reason not to build this one.
        logger.warning("what was left over of %s stays until prune: %s", lease.dataset, error)


def _tidy(lease: Lease, error: BaseException) -> None:
    try:
        _reclaim(lease)
    except (HeadraceError, OSError) as second:
        # The first error is the one to read; this one costs disk space until `prune`.
        error.add_note(f"Leftovers could not be removed, `prune` will: {second}")
