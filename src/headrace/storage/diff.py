"""What two versions of a dataset have in common, and what each has alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

from headrace.contracts.tree import paths
from headrace.formats.manifest.manifest import Manifest, Shard
from headrace.formats.schema.schema import Schema, leaves_of, tree_of
from headrace.storage.tables import counted, text_table

# Longer texts are cut where they are printed: arguments of a call may be pages.
TEXT_WIDTH = 60


@dataclass(frozen=True)
class Shards:
    """Some shards of a version, counted."""

    count: int
    records: int
    size_bytes: int


@dataclass(frozen=True)
class Change:
    """A field of the schema, or a key of meta, as text; None on the side that does not have it."""

    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.name}: {_cut(self.after)}"
        if self.after is None:
            return f"- {self.name}: {_cut(self.before)}"
        return f"~ {self.name}: {_cut(self.before)} -> {_cut(self.after)}"


@dataclass(frozen=True)
class VersionDiff:
    """How version `b` differs from version `a`; what `Storage.diff` gives.

    `appended` is how many records `b` has behind all those of `a`, in the same shards; None where
    it does not begin with the shards of `a`. Records in other shards are not compared.
    """

    dataset: str
    a: str
    b: str
    shared: Shards
    only_a: Shards
    only_b: Shards
    appended: int | None
    schema: tuple[Change, ...]
    meta: tuple[Change, ...]

    def __str__(self) -> str:
        places = ("in both", self.shared), (f"only {self.a}", self.only_a)
        rows = [
            (name, *(f"{count:,}" for count in (some.count, some.records, some.size_bytes)))
            for name, some in (*places, (f"only {self.b}", self.only_b))
        ]
        lines = [self._summary, "", *text_table([("", "shards", "records", "bytes"), *rows])]
        for title, changes in (("schema", self.schema), ("meta", self.meta)):
            if changes:
                lines += ["", title, *(f"  {change}" for change in changes)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"

    @property
    def _summary(self) -> str:
        pair = f"{self.dataset}: {self.b}"
        if self.appended is None:
            return f"{pair} has other shards than {self.a}"
        if not self.appended:
            return f"{pair} has the records of {self.a}"
        return f"{pair} appends {counted(self.appended, 'record')} to {self.a}"


def diff_of(a: Manifest, b: Manifest) -> VersionDiff:
    """The difference of two versions, by their manifests alone."""
    shards = {shard.digest: shard for shard in (*a.shards, *b.shards)}
    in_a, in_b = ([shard.digest for shard in one.shards] for one in (a, b))
    # A version may list a shard twice.
    of_a, of_b = Counter(in_a), Counter(in_b)
    both, left, right = (
        _counted(shards[digest] for digest in some.elements())
        for some in (of_a & of_b, of_a - of_b, of_b - of_a)
    )
    begins_alike = in_b[: len(in_a)] == in_a
    return VersionDiff(
        dataset=a.dataset,
        a=a.version,
        b=b.version,
        shared=both,
        only_a=left,
        only_b=right,
        appended=b.rows - a.rows if begins_alike else None,
        schema=_changes(_fields(a.schema), _fields(b.schema)),
        meta=_changes(_notes(a), _notes(b)),
    )


def _counted(shards: Iterable[Shard]) -> Shards:
    found = list(shards)
    sizes = (shard.size_bytes for shard in found)
    return Shards(len(found), sum(shard.rows for shard in found), sum(sizes))


def _fields(schema: Schema | None) -> dict[str, str]:
    if schema is None:
        return {}
    # The only field of a record that is no container has no name.
    names = (path or "record" for path in paths(tree_of(schema)))
    return dict(zip(names, map(str, leaves_of(schema)), strict=True))


def _notes(manifest: Manifest) -> dict[str, str]:
    return {key: json.dumps(note, ensure_ascii=False) for key, note in manifest.meta.items()}


def _cut(text: str | None) -> str:
    told = text or ""
    return told if len(told) <= TEXT_WIDTH else f"{told[: TEXT_WIDTH - 1]}…"


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    names = [*before, *(name for name in after if name not in before)]
    return tuple(
        Change(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )
