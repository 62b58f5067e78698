"""The manifest of a version: its schema, its shards, and what the user noted beside them."""

from __future__ import annotations

from typing import Any

import msgspec
import xxhash

from headrace.contracts.errors import IntegrityError
from headrace.formats.schema import Branch, Leaf, leaves_of

FORMAT_VERSION = 1
SHARD_SUFFIX = ".arrow"
IDENTITY_DIGITS = 8  # enough to tell two builds of one version apart


class Shard(msgspec.Struct, frozen=True):
    """One file of a version, named by the xxh3-128 hex digest of its bytes."""

    digest: str
    rows: int
    size_bytes: int


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a version is made of. The schema is None where there is no record to tell it."""

    format: int
    dataset: str
    version: str
    schema: Leaf | Branch | None
    shards: tuple[Shard, ...]
    meta: dict[str, Any]  # Any: JSON
    # What the source said of itself, such as the element_spec of a tf.data.Dataset.
    origin: dict[str, Any] = {}  # Any: JSON

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
    def identity(self) -> str:
        """The name in saved states: `digits@1.0#1f2e3d4c`."""
        digest = xxhash.xxh3_128_hexdigest(encode(self))
        return f"{self.dataset}@{self.version}#{digest[:IDENTITY_DIGITS]}"


class _Head(msgspec.Struct):
    format: int


def shard_key(folder: str, digest: str) -> str:
    """Where a shard lies: its name is its content."""
    return f"{folder}/{digest}{SHARD_SUFFIX}"


def encode(manifest: Manifest) -> bytes:
    """The manifest as JSON; equal manifests give equal bytes."""
    return msgspec.json.encode(manifest, order="deterministic")


def decode(payload: bytes, *, key: str) -> Manifest:
    """The manifest that `encode` wrote.

    Raises:
        IntegrityError: the bytes at `key` are no manifest, or one of a newer format.
    """
    try:
        head = msgspec.json.decode(payload, type=_Head)
        if head.format > FORMAT_VERSION:
            raise IntegrityError(
                f"{key} has format {head.format}, this headrace reads formats up to "
                f"{FORMAT_VERSION}. Upgrade headrace to read it."
            )
        return msgspec.json.decode(payload, type=Manifest)
    except msgspec.DecodeError as error:
        raise IntegrityError(
            f"{key} is no manifest: {error}. Expected what submit wrote; "
            "delete the version and submit it again."
        ) from error
