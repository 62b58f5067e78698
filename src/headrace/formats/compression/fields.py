"""Which fields of a version are stored compressed: what `submit(..., compress=...)` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from headrace.contracts.errors import ArgumentError, near
from headrace.formats.compression.zstd import DEFAULT_LEVEL, LEVELS, zstandard
from headrace.formats.schema.schema import ZSTD, Leaf, Schema, leaves_of, with_leaves

REMEDY = "Write it like {'text': 'zstd'}, or 'zstd:9' for another level than 3."


@dataclass(frozen=True)
class Compression:
    """The fields to be compressed, each with its level; a name stands for all fields below it."""

    levels: tuple[tuple[str, int], ...] = ()
    # Whether somebody asked for these fields. Else those that are not there, or have become of a
    # kind that is not compressed, are passed over.
    is_asked: bool = True

    def level_of(self, leaf: Leaf) -> int | None:
        """With which level a leaf is compressed: None for not at all.

        Of names one below the other, the longest one is meant.
        """
        found = [(len(name), level) for name, level in self.levels if self._means(name, leaf)]
        return max(found)[1] if found else None

    def _means(self, name: str, leaf: Leaf) -> bool:
        # What was a column for each position of a list may have become one of lists.
        is_below = not self.is_asked and _covers(leaf.column, name)
        return is_below or _covers(name, leaf.column)

    def applied(self, schema: Schema) -> Schema:
        """The schema with a codec at each leaf that is compressed.

        Raises:
            ArgumentError: a field is not there, or of a kind that is not compressed.
        """
        known = set(_names(schema)) if self.levels else set()
        for name, _ in self.levels:
            if self.is_asked and name not in known:
                raise ArgumentError(
                    f"compress names the field {name!r}, which the records do not have. "
                    + near(name, _names(schema))
                )
        return with_leaves(schema, map(self._coded, leaves_of(schema)))

    def _coded(self, leaf: Leaf) -> Leaf:
        if self.level_of(leaf) is None or leaf.kind == "none":
            return msgspec.structs.replace(leaf, codec="")
        coded = msgspec.structs.replace(leaf, codec=ZSTD)
        if not coded.is_compressed:
            if not self.is_asked:
                return msgspec.structs.replace(leaf, codec="")
            raise ArgumentError(
                f"compress asks for the field {leaf.column!r}, which is {leaf}. Text, bytes, lists "
                "with values other than numbers, and pickles are compressed: leave out this one, "
                "or name those beside it one by one."
            )
        return coded


# What nothing is compressed by.
NO_COMPRESSION = Compression()


def compression_of(compress: Mapping[str, str] | None) -> Compression:
    """What a user asked for.

    Raises:
        ArgumentError: it is no mapping of fields to `zstd` or `zstd:LEVEL`.
        MissingExtra: it is, and zstandard is not installed.
    """
    if not compress:
        return NO_COMPRESSION
    if not isinstance(compress, Mapping):
        raise ArgumentError(f"compress must be a dict of fields, got {compress!r}. {REMEDY}")
    levels = tuple((name, _level(name, codec)) for name, codec in compress.items())
    zstandard()
    return Compression(levels)


def compression_like(schema: Schema | None) -> Compression:
    """That of a version which has compressed fields: the same ones, at the default level.

    Raises:
        MissingExtra: it has some, and zstandard is not installed.
    """
    leaves = [] if schema is None else leaves_of(schema)
    levels = tuple((leaf.column, DEFAULT_LEVEL) for leaf in leaves if leaf.is_compressed)
    if not levels:
        return NO_COMPRESSION
    zstandard()
    return Compression(levels, is_asked=False)


def _level(name: object, codec: object) -> int:
    if isinstance(name, str) and isinstance(codec, str):
        kind, mark, level = codec.partition(":")
        if kind == ZSTD and not mark:
            return DEFAULT_LEVEL
        if kind == ZSTD and level.isdecimal() and int(level) in LEVELS:
            return int(level)
    raise ArgumentError(
        f"compress has {codec!r} for the field {name!r}. Expected 'zstd', with a level from "
        f"{LEVELS[0]} to {LEVELS[-1]} or without. {REMEDY}"
    )


def _covers(name: str, column: str) -> bool:
    return column == name or column.startswith(f"{name}.")


def _names(schema: Schema, prefix: str = "") -> Iterator[str]:
    """The dotted names of all fields, also of those that hold others."""
    if isinstance(schema, Leaf):
        yield schema.column
        return
    if prefix:
        yield prefix
    for key, child in zip(schema.keys or range(len(schema.children)), schema.children, strict=True):
        yield from _names(child, f"{prefix}.{key}" if prefix else str(key))
