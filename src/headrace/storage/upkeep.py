"""Looking after what is stored: are the shards whole, and which are nobody's any more."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from headrace.blobs import LockingBlobs, idle
from headrace.blobs.leases.gate import ASIDE, Idle, folder_of, gate_key
from headrace.blobs.locking import NOTE_SUFFIX
from headrace.contracts.blobs import BlobStat
from headrace.contracts.errors import ArgumentError, IntegrityError
from headrace.formats.manifest.manifest import SHARD_SUFFIX, Manifest, Shard, decode, shard_key
from headrace.formats.shards.check import shard_fault
from headrace.progress import ProgressBar
from headrace.storage.at_once import each
from headrace.storage.catalog import Catalog, retired_folder, shards_folder, versions_folder

# Longer than anyone keeps a reader open after its version went, without having read all of it.
PRUNE_GRACE_S = 3600.0
# What we name a shard: nothing else in their folder is ever removed.
OURS = re.compile(r"[0-9a-f]{8,}" + re.escape(SHARD_SUFFIX))
NANOSECONDS = 1e9


@dataclass(frozen=True)
class VerifyReport:
    """What `Storage.verify` read and found whole."""

    dataset: str
    versions: tuple[str, ...]
    shard_count: int
    size_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.dataset} {', '.join(self.versions)}: {self.shard_count} shards, "
            f"{self.size_bytes:,} bytes, all as they were written"
        )


@dataclass(frozen=True)
class PruneReport:
    """What `Storage.prune` removed, and the datasets it left alone because they are built."""

    keys: tuple[str, ...] = ()
    size_bytes: int = 0
    busy: tuple[str, ...] = ()

    def __str__(self) -> str:
        busy = f"; left alone, as they are being built: {', '.join(self.busy)}" if self.busy else ""
        return f"{len(self.keys)} files, {self.size_bytes:,} bytes removed{busy}"


def verify(catalog: Catalog, dataset: str, versions: Iterable[str]) -> VerifyReport:
    """Reads each shard of the versions once and compares it with its manifest.

    Raises:
        IntegrityError: lists every shard that is not as it was written, with its fault.
    """
    named = tuple(versions)
    shards = _shards(catalog.manifest(dataset, version) for version in named)
    faults = []
    with ProgressBar(f"verify {dataset}", total=len(shards)) as bar:
        for shard in shards.values():
            fault = shard_fault(catalog.blobs, shards_folder(dataset), shard)
            if fault is not None:
                faults.append(f"{shard_key(shards_folder(dataset), shard.digest)}: {fault}")
            bar.advance(1)
    if faults:
        raise IntegrityError(
            f"{len(faults)} of {len(shards)} shards of {dataset} {', '.join(named)} are damaged: "
            + "; ".join(faults)
            + ". Submit the version again with replace=True, or put the files back."
        )
    size_bytes = sum(shard.size_bytes for shard in shards.values())
    return VerifyReport(dataset, named, len(shards), size_bytes)


def reclaim(
    blobs: LockingBlobs, dataset: str, *, grace_s: float, besides: str | None = None
) -> PruneReport:
    """Removes what no version of a dataset needs, unless one of them is being built.

    `besides` is a version whose lease the caller holds. Where leases are renewed, what is younger
    than `grace_s` stays, by the store's own times.
    """
    # Listed first: what builders write who begin after they were looked for is not in it.
    shards = [stat for stat in blobs.list(shards_folder(dataset)) if OURS.fullmatch(_name(stat))]
    leftovers = list(_leftovers(blobs, dataset, besides))
    with idle(blobs, dataset, besides=besides) as idleness:
        if not idleness:
            return PruneReport(busy=(dataset,))
        before_ns = _now_ns(blobs, dataset, idleness) - grace_s * NANOSECONDS
        expired = [s for s in blobs.list(retired_folder(dataset)) if s.modified_ns <= before_ns]
        # Read before anything goes: a manifest that cannot be read stops all of it.
        kept = _kept(blobs, dataset, {stat.key for stat in expired})
        orphans = [s for s in shards if _name(s).removesuffix(SHARD_SUFFIX) not in kept]
        if idleness.is_renewed:
            orphans = [s for s in orphans if s.modified_ns <= before_ns]
            leftovers = [s for s in leftovers if s.modified_ns <= before_ns and not _is_note(s)]
        return _removed(blobs, [*expired, *orphans, *leftovers], idleness)


def checked_grace(grace_s: float) -> float:
    """`grace_s`, where it is a time. Raises ArgumentError."""
    if grace_s >= 0:
        return grace_s
    raise ArgumentError(
        f"grace_s must be at least 0 seconds, got {grace_s!r}. Readers that are open now "
        "need it to be longer than they live."
    )


def reclaim_all(catalog: Catalog, *, grace_s: float) -> PruneReport:
    """Does so for each dataset, also for those whose last version is gone."""
    reports = [
        reclaim(catalog.blobs, name, grace_s=grace_s)
        for name in sorted(catalog.folders())
        if any(True for _ in catalog.blobs.locks(folder_of(name)))
    ]
    return PruneReport(
        tuple(key for report in reports for key in report.keys),
        sum(report.size_bytes for report in reports),
        tuple(name for report in reports for name in report.busy),
    )


def _now_ns(blobs: LockingBlobs, dataset: str, idleness: Idle) -> int:
    """The time by the clock that times what is written."""
    # A renewed gate was written just now.
    gate = blobs.stat(gate_key(dataset) + NOTE_SUFFIX) if idleness.is_renewed else None
    return time.time_ns() if gate is None else gate.modified_ns


def _kept(blobs: LockingBlobs, dataset: str, expired: set[str]) -> set[str]:
    """The digests of the shards that a live or lately retired manifest lists."""
    keys = [
        stat.key
        for folder in (versions_folder(dataset), retired_folder(dataset))
        for stat in blobs.list(folder)
        if stat.key not in expired
    ]
    return set(_shards(each(partial(_manifest, blobs, retired_folder(dataset)), keys)))


def _manifest(blobs: LockingBlobs, retired: str, key: str) -> Manifest:
    try:
        return decode(blobs.get(key), key=key)
    except IntegrityError as error:
        if not key.startswith(f"{retired}/"):
            raise
        raise IntegrityError(
            f"{key}, of a version that was deleted or replaced, cannot be read, so that nobody "
            "knows which shards its open readers need; nothing of this dataset was removed. Prune "
            "again once it is older than grace_s, or with grace_s=0."
        ) from error


def _leftovers(blobs: LockingBlobs, dataset: str, besides: str | None) -> Iterator[BlobStat]:
    """Half-written blobs and the notes of dead builders."""
    own = None if besides is None else besides + NOTE_SUFFIX
    for stat in blobs.list(folder_of(dataset)):
        # The gate's own name begins with the mark.
        is_aside = ASIDE in _name(stat).removeprefix(ASIDE)
        if is_aside or (_is_note(stat) and _name(stat) != own):
            yield stat


def _is_note(stat: BlobStat) -> bool:
    """Whether it says who holds a lease; renewed, it is the lease, and is never removed."""
    return stat.key.endswith(NOTE_SUFFIX)


def _removed(blobs: LockingBlobs, stats: list[BlobStat], idleness: Idle) -> PruneReport:
    for stat in stats:
        idleness.check()
        blobs.delete(stat.key)
    return PruneReport(tuple(stat.key for stat in stats), sum(stat.size_bytes for stat in stats))


def _shards(manifests: Iterable[Manifest]) -> dict[str, Shard]:
    return {shard.digest: shard for manifest in manifests for shard in manifest.shards}


def _name(stat: BlobStat) -> str:
    return stat.key.rpartition("/")[2]
