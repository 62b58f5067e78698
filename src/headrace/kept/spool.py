"""Records on their way to disk, in a folder that goes with its writer, however that ends."""

from __future__ import annotations

import os
import shutil
import weakref
from pathlib import Path
from typing import Any

from headrace.blobs import LocalBlobs
from headrace.blobs.files import make_folder, writing
from headrace.blobs.locking import Release
from headrace.contracts import Block, Columns, rows
from headrace.contracts.errors import RecordError
from headrace.formats.manifest.manifest import FORMAT_VERSION, Manifest
from headrace.formats.schema.infer import PICKLE_REMEDY
from headrace.formats.writing.target import Target
from headrace.formats.writing.writer import ShardWriter
from headrace.kept.copies import FEW_ROWS, copied

# Any, in this file: records are the user's values, of every type.

# The folders of writers, and their locks; `~` begins no name of a cache.
SPOOLS = "~writing"
SHARDS = "shards"


class Spool:
    """A folder under `root` that takes in records as shards until it is closed.

    Each writer holds the lock of a numbered folder; the system frees that lock when the writer
    dies, and whoever writes next under `root` removes what the dead one left.

    Raises:
        StorageError: the folder cannot be made.
    """

    def __init__(self, root: Path, *, remedy: str, allow_pickle: bool = False) -> None:
        self._remedy = remedy
        self.folder, release = _taken(root)
        # Not flushed to disk: what a power cut tears is found by its checksum, or gone anyway.
        self.blobs = LocalBlobs(self.folder, durable=False)
        self._writer = ShardWriter(Target(self.blobs, SHARDS), allow_pickle=allow_pickle)
        self._end = weakref.finalize(self, _end, self._writer, self.folder, release, os.getpid())

    def add(self, block: Block[Any]) -> None:
        """Takes in records; whoever gave them may then change them.

        Raises:
            RecordError: one cannot be stored.
            StorageError: the disk is full, or fails.
        """
        is_long = isinstance(block, Columns) and len(block) >= FEW_ROWS
        try:
            self._writer.add(block if is_long else copied(rows(block)))
        except RecordError as error:
            raise self._refusal(error) from error

    def finish(self, name: str, version: str) -> Manifest:
        """Writes what is left; gives the list of all."""
        try:
            written = self._writer.finish()
        except RecordError as error:
            raise self._refusal(error) from error
        return Manifest(
            format=FORMAT_VERSION,
            dataset=name,
            version=version,
            schema=written.schema,
            shards=written.shards,
            meta={},
        )

    def close(self) -> None:
        """Removes the folder, and what is in it still; closing again does nothing."""
        self._end()

    def _refusal(self, error: RecordError) -> RecordError:
        reason = str(error).replace(PICKLE_REMEDY, "")
        return RecordError(f"{reason.rstrip()} {self._remedy}")


def remove(folder: Path) -> None:
    """Removes a folder with all that is in it, as far as the system lets us."""
    shutil.rmtree(folder, ignore_errors=True)


def _end(writer: ShardWriter, folder: Path, release: Release, owner: int) -> None:
    # A forked child has a copy of the spool and no right to end it.
    if os.getpid() != owner:
        return
    try:
        writer.close()
    finally:
        remove(folder)
        release()


def _taken(root: Path) -> tuple[Path, Release]:
    """An empty folder that nobody else writes in, and what gives it back."""
    blobs = LocalBlobs(root, durable=False)
    _reclaim(blobs)
    number, release = 0, blobs.try_lock(f"{SPOOLS}/0")
    while release is None:
        number += 1
        release = blobs.try_lock(f"{SPOOLS}/{number}")
    folder = root / SPOOLS / str(number)
    try:
        remove(folder)
        with writing(folder):
            make_folder(folder, durable=False)
    except BaseException:
        release()
        raise
    return folder, release


def _reclaim(blobs: LocalBlobs) -> None:
    """Removes the folders of writers that died."""
    for name in list(blobs.folders(SPOOLS)):
        release = blobs.try_lock(f"{SPOOLS}/{name}")
        if release is not None:
            remove(blobs.root / SPOOLS / name)
            release()
