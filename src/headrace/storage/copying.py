"""A version from one storage to another: the shards that are missing there, then the manifest."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import msgspec

from headrace.blobs import Lease
from headrace.contracts.blobs import Blobs
from headrace.contracts.errors import IntegrityError, NotFound, VersionExists
from headrace.digests import Trust
from headrace.formats.manifest.manifest import Manifest, Shard, shard_key
from headrace.formats.shards.check import content_fault
from headrace.formats.shards.trust import check_named
from headrace.progress import ProgressBar
from headrace.storage.at_once import each
from headrace.storage.building import commit
from headrace.storage.catalog import Catalog, manifest_key, shards_folder
from headrace.storage.log import made_ns
from headrace.storage.tags import refuse_tag

# Enough to hide the latency of a store, few enough that their shards of 64 MiB fit in memory.
COPIES_AT_ONCE = 4


@dataclass(frozen=True)
class CopyReport:
    """What was copied of a version, beside what was there already."""

    dataset: str
    version: str
    shard_count: int
    size_bytes: int
    shared_count: int


def copied(
    manifest: Manifest, source: Catalog, target: Catalog, *, version: str, trust: Trust
) -> CopyReport:
    """Copies what a target does not have of a version, each shard verified before it is written.

    What is raised meanwhile leaves the shards that are whole, so that the next call goes on.

    Raises:
        VersionExists: the target has another version, or a tag, of that name.
        IntegrityError: a shard of the source is missing or damaged, or named by a digest that the
            target does not trust.
        LeaseLost: another has taken over in the target.
    """
    check_named(manifest, trust, url=source.blobs.url)
    new = _moved(manifest, source, version)
    with Lease(target.blobs, new.dataset, version) as lease:
        refuse_tag(target.blobs, new.dataset, version)
        there = target.manifest_or_none(new.dataset, version)
        if there is not None and there.content != new.content:
            raise _other(new, source.blobs, target.blobs)
        folder = shards_folder(new.dataset)
        shards = {shard.digest: shard for shard in new.shards}
        missing = _missing(target.blobs, folder, shards)
        copy = partial(_copy_shard, source.blobs, lease.blobs, folder)
        with (
            ProgressBar(f"copy {new.dataset} {version}", total=len(missing)) as bar,
            closing(each(copy, missing, at_once=COPIES_AT_ONCE)) as copies,
        ):
            for _ in copies:
                lease.check_known()
                bar.advance(1)
        if there is None:
            commit(lease, new, is_replacing=False)
    size_bytes = sum(shard.size_bytes for shard in missing)
    return CopyReport(new.dataset, version, len(missing), size_bytes, len(shards) - len(missing))


def _other(new: Manifest, source: Blobs, target: Blobs) -> VersionExists:
    return VersionExists(
        f"{new.dataset} {new.version} is in {target.url} already and is another than that in "
        f"{source.url}. Copy it as another version by as_version=, or delete the one that is there."
    )


def _moved(manifest: Manifest, source: Catalog, version: str) -> Manifest:
    """The manifest in its new place, where the store would tell another time."""
    made = manifest.made
    stat = source.blobs.stat(manifest_key(manifest.dataset, manifest.version))
    if stat is not None:
        made = msgspec.structs.replace(made, when_ns=made_ns(manifest, stat))
    return msgspec.structs.replace(manifest, version=version, made=made)


def _missing(blobs: Blobs, folder: str, shards: dict[str, Shard]) -> list[Shard]:
    # One listing: a look at each shard would be a request each.
    sizes = {stat.key: stat.size_bytes for stat in blobs.list(folder)}
    return [
        shard
        for shard in shards.values()
        if sizes.get(shard_key(folder, shard.digest)) != shard.size_bytes
    ]


def _copy_shard(source: Blobs, target: Blobs, folder: str, shard: Shard) -> None:
    key = shard_key(folder, shard.digest)
    try:
        payload = source.map(key)
    except NotFound as error:
        raise _cannot(source, key, "missing") from error
    fault = content_fault(shard, payload)
    if fault is not None:
        raise _cannot(source, key, fault)

    def fill(sink: BinaryIO) -> None:
        sink.write(payload.data)

    target.write(lambda: key, fill)


def _cannot(source: Blobs, key: str, fault: str) -> IntegrityError:
    return IntegrityError(
        f"{key} in {source.url} cannot be copied: {fault}. Run storage.verify there to see all "
        "bad shards, and submit the version again."
    )
