"""The records of a stored version by index: shards are mapped on first use and gathered from."""

from __future__ import annotations

import socket
import threading
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from headrace.contracts.blobs import Blobs
from headrace.contracts.block import Columns, Layout
from headrace.contracts.errors import IntegrityError, NotFound, PickleRefused, RecordError
from headrace.contracts.order import Indices
from headrace.contracts.records import gather_ahead
from headrace.contracts.tree import Record
from headrace.formats import shard_file
from headrace.formats.image_reader import UnreadableImage
from headrace.formats.manifest import Manifest, Shard, shard_key
from headrace.formats.merge import merged_schema
from headrace.formats.parts import Part, parts_of
from headrace.formats.readers import empty_column, reader_of
from headrace.formats.schema import Leaf, Schema, layout_of, leaves_of
from headrace.formats.shard_file import Damaged
from headrace.formats.spans import Places


class StoredRecords:
    """The records of one version, read column by column out of mapped shards.

    Thread-safe. Pickles as what it was made of; shards are mapped again where they are used.
    """

    def __init__(
        self,
        blobs: Blobs,
        manifest: Manifest,
        *,
        folder: str,
        allow_pickle: bool = False,
        as_views: bool = False,
    ) -> None:
        self.manifest = manifest
        self._blobs = blobs
        self._folder = folder
        self._allow_pickle = allow_pickle
        self._as_views = as_views
        if manifest.is_pickled and not allow_pickle:
            raise PickleRefused(
                f"{self._name} holds pickled values, and reading a pickle can run any code. "
                "If you trust who wrote it, use fetch(..., allow_pickle=True)."
            )
        rows = [shard.rows for shard in manifest.shards]
        self._starts = np.concatenate(([0], np.cumsum(rows, dtype=np.int64)))
        # All shards but the last have the same rows where their records have the same size.
        self._even = rows[0] if len(set(rows[:-1])) == 1 and rows[-1] <= rows[0] else 0
        self._leaves: list[Leaf] = [] if manifest.schema is None else leaves_of(manifest.schema)
        self.layout: Layout = layout_of(manifest.schema)
        self._readers = [reader_of(leaf, len(rows), as_views=as_views) for leaf in self._leaves]
        self._opened: npt.NDArray[np.bool_] = np.zeros(len(rows), np.bool_)
        self._unopened = len(rows)
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:  # Any: what pickle expects
        made_of = (self._blobs, self.manifest, self._folder, self._allow_pickle, self._as_views)
        return _stored, made_of

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __repr__(self) -> str:
        return f"StoredRecords({self._name}, {len(self)} x {self.schema})"

    @property
    def schema(self) -> Schema | None:
        """The schema of the records; None of a version without records."""
        return self.manifest.schema

    @property
    def origin(self) -> dict[str, Any]:  # Any: JSON
        """What the source said of itself; {} of one that said nothing."""
        return self.manifest.origin

    @property
    def identity(self) -> str:
        """The name of the records in saved states."""
        return self.manifest.identity

    @property
    def read_ahead(self) -> int:
        """How many records may be read before they are asked for."""
        return gather_ahead(self.manifest.size_bytes, len(self))

    def views(self) -> StoredRecords:
        """The same records with `bytes` as memoryviews of the map, not copied."""
        return _stored(self._blobs, self.manifest, self._folder, self._allow_pickle, True)

    def read(self, indices: Indices) -> Columns[Record]:
        """The records at `indices`, in that order; repeats are allowed.

        Fresh arrays, gathered by one copy; read-only views of the map where the indices are
        a run in one shard, and of arrays of varying shape.

        Raises:
            IndexError: an index is negative, or not less than the length.
            IntegrityError: a shard is missing, cut or damaged.
            RecordError: an image cannot be decoded.
            MissingExtra: the records have images, and Pillow is not installed.
        """
        asked = np.ascontiguousarray(indices, np.int64)
        if not len(asked):
            empty = [[]] if self.schema is None else map(empty_column, self._leaves)
            return Columns(self.layout, list(empty), 0)
        self._check_bounds(asked)
        places = self._places(asked)
        if self._unopened and not self._opened[places.shards].all():
            # Not np.unique: its first call imports for 40 ms.
            self._open(sorted(set(np.atleast_1d(places.shards).tolist())))
        try:
            leaves = [reader.read(places) for reader in self._readers]
        except (Damaged, UnicodeDecodeError, msgspec.DecodeError) as error:
            raise IntegrityError(
                f"a shard of {self._name} is damaged: {error}. {_REMEDY}"
            ) from error
        except UnreadableImage as error:
            at, column, reason = error.args
            raise RecordError(
                f"the image {column!r} of record {asked[at]} of {self._name} cannot be read: "
                f"{reason}. If storage.verify finds its shard whole, the image was so when it was "
                "submitted: submit the version again without it."
            ) from error
        return Columns(self.layout, leaves, len(asked))

    @property
    def _name(self) -> str:
        return f"{self.manifest.dataset}@{self.manifest.version}"

    def _check_bounds(self, asked: Indices) -> None:
        # Seen without a sign, a negative index is the largest of all.
        if np.maximum.reduce(asked.view(np.uint64)) >= len(self):
            wrong = asked[(asked < 0) | (asked >= len(self))][0]
            raise IndexError(
                f"index {wrong} of {self._name}, which has {len(self)} records. "
                "Indices here run from 0 to the length, without it."
            )

    def _places(self, asked: Indices) -> Places:
        first, last = int(asked[0]), int(asked[-1])
        if last - first == len(asked) - 1 and (np.diff(asked) == 1).all():
            shard = int(self._starts.searchsorted(first, side="right")) - 1
            if last < self._starts[shard + 1]:
                start = int(self._starts[shard])
                return Places(shard, asked - start, slice(first - start, last + 1 - start))
        if len(self._opened) == 1:
            return Places(0, asked)
        if self._even:
            shards = asked // self._even
            return Places(shards, asked - shards * self._even)
        shards = self._starts.searchsorted(asked, side="right") - 1
        return Places(shards, asked - self._starts.take(shards))

    def _open(self, shards: list[int]) -> None:
        with self._lock:
            for shard in shards:
                if not self._opened[shard]:
                    self._add(shard)
                    # Set last: a reader in another thread relies on all that `_add` did.
                    self._opened[shard] = True
                    self._unopened -= 1

    def _add(self, number: int) -> None:
        shard = self.manifest.shards[number]
        try:
            parts = self._parts(shard)
            for reader, part in zip(self._readers, parts, strict=True):
                reader.add(number, part)
        except NotFound as error:
            raise IntegrityError(
                f"shard {shard.digest} of {self._name} is missing on {socket.gethostname()}: "
                f"{error} Where this is the worker of another machine or container, give it a "
                f"storage that it can see too, or run on threads here. {_REMEDY}"
            ) from error
        except Damaged as error:
            raise IntegrityError(
                f"shard {shard.digest} of {self._name} is damaged: {error}. {_REMEDY}"
            ) from error

    def _parts(self, shard: Shard) -> list[Part]:
        mapped = self._blobs.map(shard_key(self._folder, shard.digest))
        if len(mapped) != shard.size_bytes:
            raise Damaged(f"{len(mapped)} of {shard.size_bytes} bytes are there")
        schema, rows, buffers = shard_file.read(mapped)
        if rows != shard.rows:
            raise Damaged(f"it has {rows} of {shard.rows} records")
        known = self.manifest.schema
        assert known is not None
        if merged_schema(known, schema) != known:
            raise Damaged(f"its records are {schema}, those of the version are {known}")
        return parts_of(known, Part(schema, rows, buffers))


_REMEDY = "Run storage.verify to see all bad shards, then submit the version again."


def _stored(
    blobs: Blobs, manifest: Manifest, folder: str, allow_pickle: bool, as_views: bool
) -> StoredRecords:
    return StoredRecords(
        blobs, manifest, folder=folder, allow_pickle=allow_pickle, as_views=as_views
    )
