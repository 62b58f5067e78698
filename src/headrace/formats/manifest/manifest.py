"""The manifest of a version: its schema, its shards, and what the user noted beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import xxhash

from headrace.contracts.errors import IntegrityError
from headrace.formats.manifest.placement import Placed, Placement, packed, unpacked
from headrace.formats.manifest.sound_manifest import (
    MOST_RECORDS,
    check_manifest,
    check_names,
    check_size,
)
from headrace.formats.schema.schema import Branch, Leaf, leaves_of

FORMAT_VERSION = 1
SHARD_SUFFIX = ".arrow"
# The name of a shard, of which nothing else is ever made a key: xxh3-128 or SHA-256.
DIGEST = r"^(?:[0-9a-f]{32}|[0-9a-f]{64})\Z"
# In the year 2262, as far as nanoseconds of 64 bits go.
LATEST_NS = 2**63 - 1
IDENTITY_DIGITS = 8  # enough to tell two builds of one version apart


class Shard(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file of a version, named by the xxh3-128 hex digest of its bytes.

    `buffers` says where its buffers lie; None of one that was written before that was noted.
    `raw_bytes` are those of each compressed column before it was compressed.
    """

    digest: Annotated[str, msgspec.Meta(pattern=DIGEST)]
    rows: Annotated[int, msgspec.Meta(ge=0, le=MOST_RECORDS)]
    size_bytes: Annotated[int, msgspec.Meta(ge=0, le=MOST_RECORDS)]
    buffers: Placement | int | None = None
    raw_bytes: dict[str, Annotated[int, msgspec.Meta(ge=0, le=MOST_RECORDS)]] = {}


class Made(msgspec.Struct, frozen=True, omit_defaults=True):
    """By what a version was made, each "" where that is not known.

    The store knows when: only of what was copied from another, `when_ns` is the time there.
    """

    when_ns: Annotated[int, msgspec.Meta(ge=0, le=LATEST_NS)] = 0
    by: str = ""  # ada@box
    python: str = ""
    headrace: str = ""
    script: str = ""
    function: str = ""
    fingerprint: str = ""


# One value: only the default itself is left out of the JSON, not what is equal to it.
NOBODY = Made()


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a version is made of. The schema is None where there is no record to tell it."""

    format: Annotated[int, msgspec.Meta(ge=1)]
    dataset: str
    version: str
    schema: Leaf | Branch | None
    shards: tuple[Shard, ...]
    meta: dict[str, Any]  # Any: JSON
    # What the source said of itself, such as the element_spec of a tf.data.Dataset.
    origin: dict[str, Any] = {}  # Any: JSON
    # The version that this one was appended to, whose shards are its first ones.
    parent: str = ""
    made: Made = NOBODY

    @property
    def rows(self) -> int:
        """How many records the version has."""
        return sum(shard.rows for shard in self.shards)

    @property
    def size_bytes(self) -> int:
        """The bytes of all shards."""
        return sum(shard.size_bytes for shard in self.shards)

    @property
    def is_pickled(self) -> bool:
        """Whether a leaf holds pickles."""
        leaves = [] if self.schema is None else leaves_of(self.schema)
        return any(leaf.kind == "pickle" for leaf in leaves)

    @property
    def content(self) -> Manifest:
        """What is equal for equal records, by whomever they were stored."""
        return msgspec.structs.replace(self, made=NOBODY)

    @property
    def identity(self) -> str:
        """The name in saved states: `digits@1.0#1f2e3d4c`."""
        digest = xxhash.xxh3_128_hexdigest(encode(self.content))
        return f"{self.dataset}@{self.version}#{digest[:IDENTITY_DIGITS]}"


class _Head(msgspec.Struct):
    format: int


def shard_key(folder: str, digest: str) -> str:
    """Where a shard lies: its name is its content."""
    return f"{folder}/{digest}{SHARD_SUFFIX}"


def encode(manifest: Manifest) -> bytes:
    """The manifest as JSON; equal manifests give equal bytes."""
    placed = packed([shard.buffers for shard in manifest.shards], manifest.schema)
    return msgspec.json.encode(_with(manifest, placed), order="deterministic")


def decode(payload: bytes, *, key: str) -> Manifest:
    """The manifest of a version that `encode` wrote.

    Raises:
        IntegrityError: the bytes at `key` are no manifest, or one of a newer format.
    """
    return _decoded(payload, key, check_names)


def decode_unnamed(payload: bytes, *, key: str) -> Manifest:
    """That of records which are in no storage, so that their names may be any text.

    Raises:
        IntegrityError: the bytes at `key` are no manifest, or one of a newer format.
    """
    return _decoded(payload, key, lambda _: None)


def _decoded(payload: bytes, key: str, check: Callable[[Manifest], None]) -> Manifest:
    try:
        check_size(len(payload))
        head = msgspec.json.decode(payload, type=_Head)
        if head.format > FORMAT_VERSION:
            raise IntegrityError(
                f"{key} has format {head.format}, this headrace reads formats up to "
                f"{FORMAT_VERSION}. Upgrade headrace to read it."
            )
        manifest = msgspec.json.decode(payload, type=Manifest)
        placed = unpacked([shard.buffers for shard in manifest.shards], manifest.schema)
        manifest = _with(manifest, placed)
        check(manifest)
        check_manifest(manifest)
        return manifest
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise IntegrityError(
            f"{key} is no manifest: {error}. Expected what submit wrote; "
            "delete the version and submit it again."
        ) from error


def _with(manifest: Manifest, placed: list[Placed]) -> Manifest:
    """The manifest with other placements of its shards."""
    shards = tuple(
        shard if shard.buffers is own else msgspec.structs.replace(shard, buffers=own)
        for shard, own in zip(manifest.shards, placed, strict=True)
    )
    return msgspec.structs.replace(manifest, shards=shards)
