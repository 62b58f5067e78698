"""The records of a stored version by index: shards are mapped on first use and gathered from."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import numpy as np

from headrace.contracts.blobs import Blobs, is_remote
from headrace.contracts.block import Columns, Layout
from headrace.contracts.errors import IntegrityError, PickleRefused, RecordError
from headrace.contracts.order import Indices
from headrace.contracts.records import gather_ahead
from headrace.contracts.tree import Record
from headrace.formats.far.far import FarShards, View
from headrace.formats.far.open_shards import REMEDY, Shards
from headrace.formats.far.reach import need_in_order
from headrace.formats.manifest.manifest import Manifest
from headrace.formats.reading.image_reader import UnreadableImage
from headrace.formats.reading.opened import Opened
from headrace.formats.reading.readers import empty_column
from headrace.formats.reading.unpacking import DamagedValue
from headrace.formats.schema.schema import Leaf, Schema, layout_of, leaves_of
from headrace.formats.shards.shard_file import Damaged
from headrace.formats.shards.spans import Places
from headrace.formats.shards.trust import pin_of

# How far reads of a remote version are told ahead: the records of so many shards, of more where
# these are small (what a fast link has on its way), and no more positions than take 8 MiB.
AHEAD_SHARDS = 8
AHEAD_BYTES = 2**28
MOST_POSITIONS = 2**20


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
        self._is_single = len(rows) == 1
        # All shards but the last have the same rows where their records have the same size.
        self._even = rows[0] if len(set(rows[:-1])) == 1 and rows[-1] <= rows[0] else 0
        self._leaves: list[Leaf] = [] if manifest.schema is None else leaves_of(manifest.schema)
        self.layout: Layout = layout_of(manifest.schema)
        self._shards = Shards(blobs, manifest, folder=folder, title=self._name)
        # Of remote blobs none is ever open here.
        self._opened = Opened(self._leaves, len(rows), as_views=as_views)
        self._is_remote = is_remote(blobs)
        self._made_far: FarShards | None = None
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
    def digest(self) -> str:
        """The SHA-256 of the manifest, as a user notes it."""
        return pin_of(self.manifest)

    @property
    def read_ahead(self) -> int:
        """How many records may be read before they are asked for."""
        return gather_ahead(self.manifest.size_bytes, len(self))

    @property
    def shard_records(self) -> int:
        """How many records the first shard has, and mostly the others too."""
        return self.manifest.shards[0].rows if self.manifest.shards else 0

    @property
    def ahead_positions(self) -> int:
        """How many indices `ahead` is told at once; 0 where nothing is fetched ahead."""
        if not self._is_remote or not len(self):
            return 0
        if self._made_far is not None and self._made_far.has_all:
            return 0
        count = len(self.manifest.shards)
        shards = max(AHEAD_SHARDS, AHEAD_BYTES * count // max(1, self.manifest.size_bytes))
        return max(1, min(MOST_POSITIONS, shards * len(self) // count))

    def ahead(self, indices: Indices, *, left: int) -> None:
        """Is told which indices come, of `left` in the epoch, so that their shards are fetched."""
        if self._is_remote and len(indices):
            self._far.come(need_in_order(indices, self._starts), left)

    def reading(self, indices: Indices, *, left: int) -> str:
        """How the indices that come would be read; "" where their files are here."""
        if not self._is_remote or not len(indices):
            return ""
        return self._far.described(need_in_order(indices, self._starts), left)

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
            MissingExtra: the records have images, and Pillow is not installed; or they are
                compressed, and zstandard is not.
        """
        asked = np.ascontiguousarray(indices, np.int64)
        if not len(asked):
            empty = [[]] if self.schema is None else map(empty_column, self._leaves)
            return Columns(self.layout, list(empty), 0)
        self._check_bounds(asked)
        places = self._places(asked)
        opened, view = self._opened, None
        if opened.missing and not opened.flags[places.shards].all():
            if self._is_remote:
                view = self._far.view(places)
                opened, places = view.opened, view.places
            else:
                # Not np.unique: its first call imports for 40 ms.
                self._open(sorted(set(np.atleast_1d(places.shards).tolist())))
        try:
            leaves = [reader.read(places) for reader in opened.readers]
        except DamagedValue as error:
            raise self._undecoded(error, view) from error
        except (Damaged, UnicodeDecodeError, msgspec.DecodeError) as error:
            raise IntegrityError(
                f"a shard of {self._name} is damaged: {error}. {REMEDY}"
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
        if self._is_single:
            return Places(0, asked)
        if self._even:
            shards = asked // self._even
            return Places(shards, asked - shards * self._even)
        shards = self._starts.searchsorted(asked, side="right") - 1
        return Places(shards, asked - self._starts.take(shards))

    @property
    def _far(self) -> FarShards:
        """Not before the first read: a cache folder may come to be by it."""
        with self._lock:
            if self._made_far is None:
                self._made_far = FarShards(
                    self._shards, self.manifest, self._leaves, as_views=self._as_views
                )
            return self._made_far

    def _open(self, numbers: list[int]) -> None:
        with self._lock:
            for number in numbers:
                if not self._opened.flags[number]:
                    parts = self._shards.whole(number, self._shards.mapped(number))
                    with self._shards.named(number):
                        self._opened.add(number, parts)

    def _undecoded(self, error: DamagedValue, view: View | None) -> IntegrityError:
        place = error.shard, error.row
        number, row = place if view is None else view.real(*place)
        return IntegrityError(
            f"{error.column!r} of record {self._starts[number] + row} of {self._name}, in shard "
            f"{self.manifest.shards[number].digest}, cannot be decompressed: {error.reason}. "
            f"{REMEDY}"
        )


def _stored(
    blobs: Blobs, manifest: Manifest, folder: str, allow_pickle: bool, as_views: bool
) -> StoredRecords:
    return StoredRecords(
        blobs, manifest, folder=folder, allow_pickle=allow_pickle, as_views=as_views
    )
