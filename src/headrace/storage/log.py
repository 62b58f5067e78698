"""The versions of a dataset with their story: when, by what, out of which one, how large."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from headrace.contracts.blobs import BlobStat
from headrace.contracts.errors import IntegrityError
from headrace.formats.manifest.manifest import Made, Manifest
from headrace.formats.schema.schema import Schema
from headrace.storage.at_once import each
from headrace.storage.catalog import Catalog
from headrace.storage.tables import counted, html_table

# Any, in this file: what users note is JSON.

NANOSECONDS = 10**9
MOMENT = "%Y-%m-%dT%H:%M:%SZ"
TITLES = ("version", "tags", "made", "by", "records", "bytes", "new bytes", "parent", "meta")


@dataclass(frozen=True)
class VersionReport:
    """One version: what is in it, and how it came to be.

    `when` is in UTC, such as 2026-03-01T09:30:00Z. `made` says by whom, with which Python and
    headrace, in which script, and of a function its name and a fingerprint of its code; each ""
    where that is not known. `new_bytes` are those of shards that no version before it has. `meta`
    is what was noted by `submit(meta=...)`.
    """

    dataset: str
    version: str
    identity: str
    when: str
    made: Made
    records: int
    size_bytes: int
    new_bytes: int
    shard_count: int
    parent: str | None
    tags: tuple[str, ...]
    schema: Schema | None
    meta: Mapping[str, Any] = field(hash=False)

    def __str__(self) -> str:
        tags = f" ({', '.join(self.tags)})" if self.tags else ""
        origin = f" from {self.parent}" if self.parent else ""
        size = (
            f"{counted(self.records, 'record')}, {self.size_bytes:,} bytes, {self.new_bytes:,} new"
        )
        lines = [line for line in (size, self.by, *self.notes) if line]
        title = f"{self.dataset} {self.version}{tags}{origin}, {self.when}"
        return "\n".join([title, *(f"  {line}" for line in lines)])

    def _repr_html_(self) -> str:
        return html_table(f"{self.dataset} {self.version}", [TITLES, _cells(self)])

    @property
    def by(self) -> str:
        """By whom and what, on a line; "" where nothing is known."""
        made = self.made
        packages = (("Python", made.python), ("headrace", made.headrace))
        known = [made.by, made.script, made.function]
        known += [f"{name} {version}" for name, version in packages if version]
        return ", ".join(part for part in known if part)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was noted, a line each."""
        return tuple(
            f"{key}: {note if isinstance(note, str) else json.dumps(note, ensure_ascii=False)}"
            for key, note in self.meta.items()
        )


@dataclass(frozen=True)
class UnreadVersion:
    """A version whose manifest is damaged, or of a newer headrace, and what is wrong with it."""

    version: str
    reason: str

    def __str__(self) -> str:
        return f"{self.version} cannot be read: {self.reason}"


@dataclass(frozen=True)
class VersionLog:
    """The versions of a dataset, the one committed last in front; what `Storage.log` gives.

    `unread` are those that cannot be read; the new bytes of others may count some of theirs.
    """

    dataset: str
    url: str
    versions: tuple[VersionReport, ...]
    unread: tuple[UnreadVersion, ...] = ()

    def __str__(self) -> str:
        unread = (f"{self.dataset} {one}" for one in self.unread)
        return "\n\n".join([self._title, *map(str, self.versions), *unread])

    def _repr_html_(self) -> str:
        unread = ((one.version, one.reason) for one in self.unread)
        return html_table(self._title, [TITLES, *map(_cells, self.versions), *unread])

    @property
    def _title(self) -> str:
        count = len(self.versions) + len(self.unread)
        order = ", the newest first" if len(self.versions) > 1 else ""
        return f"{self.dataset} in {self.url}, {counted(count, 'version')}{order}"


def log_of(catalog: Catalog, dataset: str) -> VersionLog:
    """The log of a dataset.

    Raises:
        NotFound: it has no version.
        IntegrityError: a tag is damaged.
    """
    tags = catalog.tags(dataset)
    committed = catalog.committed(dataset)
    known: set[str] = set()
    reports: list[VersionReport] = []
    unread: list[UnreadVersion] = []
    found = each(partial(_read, catalog, dataset), committed)
    for (version, stat), one in zip(committed.items(), found, strict=True):
        if isinstance(one, UnreadVersion):
            unread.append(one)
        elif one is not None:
            pointing = tuple(tag for tag, pointed in tags.items() if pointed == version)
            reports.append(_report(one, stat, pointing, known))
            known |= {shard.digest for shard in one.shards}
    if not (reports or unread):
        raise catalog.no_dataset(dataset)
    newest_first = tuple(reversed(reports)), tuple(reversed(unread))
    return VersionLog(dataset, catalog.blobs.url, *newest_first)


def entry_of(catalog: Catalog, dataset: str, version: str | None) -> VersionReport:
    """The entry of a version in the log, by its name or that of a tag; without, the newest one's.

    Raises:
        NotFound: no such dataset or version; lists the near ones.
        IntegrityError: its manifest, or a tag, is damaged.
    """
    asked = catalog.newest(dataset) if version is None else version
    log = log_of(catalog, dataset)
    tagged = {tag: entry for entry in log.versions for tag in entry.tags}
    named = tagged | {entry.version: entry for entry in log.versions}
    if asked not in named:
        # Of one that is damaged, or that a tag of a damaged one names, it says what is wrong.
        catalog.found(dataset, asked)
        raise catalog.no_version(dataset, asked, tagged)
    return named[asked]


def made_ns(manifest: Manifest, stat: BlobStat) -> int:
    """When a version was made: what it says itself, or else its store."""
    return manifest.made.when_ns or stat.modified_ns


def _read(catalog: Catalog, dataset: str, version: str) -> Manifest | UnreadVersion | None:
    """Its manifest, or why there is none; None where it was deleted since it was listed."""
    try:
        return catalog.manifest_or_none(dataset, version)
    except IntegrityError as error:
        return UnreadVersion(version, str(error))


def _report(
    manifest: Manifest, stat: BlobStat, tags: tuple[str, ...], known: set[str]
) -> VersionReport:
    sizes = {shard.digest: shard.size_bytes for shard in manifest.shards}
    return VersionReport(
        dataset=manifest.dataset,
        version=manifest.version,
        identity=manifest.identity,
        when=f"{datetime.fromtimestamp(made_ns(manifest, stat) // NANOSECONDS, UTC):{MOMENT}}",
        made=manifest.made,
        records=manifest.rows,
        size_bytes=manifest.size_bytes,
        new_bytes=sum(size for digest, size in sizes.items() if digest not in known),
        shard_count=len(manifest.shards),
        parent=manifest.parent or None,
        tags=tags,
        schema=manifest.schema,
        meta=manifest.meta,
    )


def _cells(one: VersionReport) -> tuple[str, ...]:
    counts = (one.records, one.size_bytes, one.new_bytes)
    told = (", ".join(one.tags), one.when, one.by, *(f"{count:,}" for count in counts))
    return (one.version, *told, one.parent or "", "; ".join(one.notes))
