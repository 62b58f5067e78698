"""The shards of a version as parts: a whole one out of its map, or some rows of it by ranges."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from headrace.contracts.blobs import Blobs, Mapped
from headrace.contracts.errors import IntegrityError, NotFound
from headrace.formats.far.sparse import SparseRows
from headrace.formats.manifest.manifest import Manifest, shard_key
from headrace.formats.schema.merge import merged_schema
from headrace.formats.shards import shard_file
from headrace.formats.shards.gather import Numbers
from headrace.formats.shards.parts import Part, parts_of
from headrace.formats.shards.shard_file import Damaged

REMEDY = "Run storage.verify to see all bad shards, then submit the version again."


class Shards:
    """Gives what a shard has of each leaf of the version; an error says which one is damaged."""

    def __init__(self, blobs: Blobs, manifest: Manifest, *, folder: str, title: str) -> None:
        self.blobs = blobs
        self._manifest = manifest
        self._folder = folder
        self._title = title
        self._sparse = SparseRows(blobs)

    def key(self, number: int) -> str:
        """Where a shard is."""
        return shard_key(self._folder, self._manifest.shards[number].digest)

    def mapped(self, number: int) -> Mapped:
        """The bytes of a shard.

        Raises:
            IntegrityError: it is missing.
        """
        with self.named(number):
            return self.blobs.map(self.key(number))

    def whole(self, number: int, mapped: Mapped) -> list[Part]:
        """All rows of a shard.

        Raises:
            IntegrityError: it is cut or damaged.
        """
        shard = self._manifest.shards[number]
        with self.named(number):
            if len(mapped) != shard.size_bytes:
                raise Damaged(f"{len(mapped)} of {shard.size_bytes} bytes are there")
            schema, rows, buffers = shard_file.read(mapped)
            if rows != shard.rows:
                raise Damaged(f"it has {rows} of {shard.rows} records")
            return self._parts(Part(schema, rows, buffers))

    def some(self, number: int, rows: Numbers) -> list[Part]:
        """Rows of a shard, which rise, read by ranges.

        Raises:
            IntegrityError: it is missing, cut or damaged.
        """
        with self.named(number):
            shard = self._manifest.shards[number]
            return self._parts(self._sparse.part(self.key(number), shard, rows))

    @contextmanager
    def named(self, number: int) -> Iterator[None]:
        """Says of which shard what is raised inside is."""
        name = f"shard {self._manifest.shards[number].digest} of {self._title}"
        try:
            yield
        except NotFound as error:
            raise IntegrityError(
                f"{name} is missing on {socket.gethostname()}: {error} Where this is the worker "
                "of another machine or container, give it a storage that it can see too, or run "
                f"on threads here. {REMEDY}"
            ) from error
        except Damaged as error:
            raise IntegrityError(f"{name} is damaged: {error}. {REMEDY}") from error

    def _parts(self, part: Part) -> list[Part]:
        known = self._manifest.schema
        assert known is not None
        if merged_schema(known, part.schema) != known:
            raise Damaged(f"its records are {part.schema}, those of the version are {known}")
        return parts_of(known, part)
