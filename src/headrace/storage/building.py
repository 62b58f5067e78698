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
from headrace.contracts.errors import HeadraceError, VersionExists
from headrace.formats.filling import Target
from headrace.formats.manifest import FORMAT_VERSION, Manifest, encode
from headrace.formats.writer import SHARD_BYTES, Written, write_blocks
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

    @property
    def title(self) -> str:
        """Dataset and version, for people."""
        return f"{self.dataset} {self.version}"

    @property
    def key(self) -> str:
        """Where the manifest goes."""
        return manifest_key(self.dataset, self.version)


def refuse_existing(blobs: LockingBlobs, build: Build) -> None:
    """Makes sure that the version may be written. Raises VersionExists."""
    if not build.replace and Catalog(blobs).has(build.dataset, build.version):
        raise VersionExists(
            f"{build.title} is in {blobs.url} already, and versions do not change. "
            "Choose another version, or pass replace=True."
        )


def publish(lease: Lease, build: Build, intake: Intake, crew: Crew) -> None:
    """Writes all records and then the manifest; ends the crew.

    What is raised meanwhile leaves nothing behind, except a shard that another builder may
    have come to use: that one stays until `prune`.
    """
    if lease.is_inherited:
        _reclaim_quietly(lease)
    try:
        with ProgressBar(build.title, total=intake.total) as bar:
            written = _write(lease, build, intake, crew, bar)
        _commit(lease.blobs, build, written, intake.origin)
    except BaseException as error:
        _tidy(lease, error)
        raise
    if crew.look_ahead:
        # Of killed workers, and what was written ahead of a record that changed the schema.
        _reclaim_quietly(lease)


def _write(lease: Lease, build: Build, intake: Intake, crew: Crew, bar: ProgressBar) -> Written:
    with ExitStack() as end:
        end.enter_context(crew)
        # Closed here: an error would keep what runs for as long as its traceback lives.
        blocks = end.enter_context(closing(_noted(intake, build)))
        # What a function returns is known once it has given something.
        first = list(islice(blocks, 1))
        folder, source = shards_folder(build.dataset), intake.whole
        target = Target(lease.blobs, folder, build.shard_bytes)
        if isinstance(source, Spread) and is_divisible(source, target):
            mark = Mark(lease.note_key, lease.blobs.get(lease.note_key))
            division = Division(source, target, mark, build.title, build.allow_pickle)
            return division.write(chain(first, blocks), bar, close=blocks.close)
        return write_blocks(
            chain(first, blocks),
            blobs=lease.blobs,
            folder=folder,
            shard_bytes=build.shard_bytes,
            allow_pickle=build.allow_pickle,
            advance=bar.advance,
        )


def _commit(blobs: LockingBlobs, build: Build, written: Written, origin: dict[str, Any]) -> None:
    manifest = Manifest(
        format=FORMAT_VERSION,
        dataset=build.dataset,
        version=build.version,
        schema=written.schema,
        shards=written.shards,
        meta=dict(build.meta),
        origin=origin,
    )
    if build.replace and blobs.stat(build.key) is not None:
        retire(blobs, build.dataset, build.version)
    blobs.put(build.key, encode(manifest), replace=build.replace)


def retire(blobs: LockingBlobs, dataset: str, version: str) -> None:
    """Keeps a copy of a manifest, so that open readers keep their shards for a while."""
    # The time only makes the name unique; `prune` asks the store when it was written.
    name = f"{version}.{time.time_ns()}{MANIFEST_SUFFIX}"
    payload = blobs.get(manifest_key(dataset, version))
    blobs.put(f"{retired_folder(dataset)}/{name}", payload)


def _noted(blocks: Iterable[Block[Any]], build: Build) -> Generator[Block[Any]]:
    """The blocks; what the source raises says at which record it did."""
    drawn = 0
    source = iter(blocks)
    while True:
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
