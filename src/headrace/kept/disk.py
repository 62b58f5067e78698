"""Epochs kept in a folder, shared by processes and found again by the next run.

<root>
├── <digest of the chain, seed and rank>
│   └── epoch-<number>             appears whole or not at all
│       ├── manifest
│       └── shards/<digest>.arrow
└── ~writing/<number>              what is not whole yet, or is being deleted
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import xxhash

from headrace.blobs import LocalBlobs
from headrace.blobs.files import make_folder, writing
from headrace.contracts import Block, Node
from headrace.contracts.errors import IntegrityError, NotFound, PickleRefused
from headrace.formats.manifest.manifest import Manifest, decode_unnamed, encode
from headrace.kept.contract import Kept, Place, same_chain
from headrace.kept.held import HeldRecords
from headrace.kept.identity import chain_digest
from headrace.kept.spool import Spool

# Any, in this file: records are the user's values, of every type.

logger = logging.getLogger("headrace")

MANIFEST = "manifest"
EPOCH = "epoch-"
# Raised when what is kept changes its meaning: older caches are then not found.
LAYOUT = 1
REMEDY = "Or use .cache() without a path: memory keeps records as they are."


class DiskStore:
    """Epochs under `root`, each in a folder that appears whole or not at all."""

    def __init__(self, root: Path) -> None:
        self._root = root
        # The digest of a chain reads all that the chain holds: once is enough.
        self._digest: tuple[Node[Any], str] | None = None

    def __reduce__(self) -> tuple[type[DiskStore], tuple[Path]]:
        return DiskStore, (self._root,)

    def check(self, before: Node[Any], key: str | None) -> None:
        """Makes sure that the chain has a digest, or a key that stands for it.

        Raises:
            ArgumentError: it has neither.
        """
        if key is None:
            self._digest_of(before)

    def find(self, place: Place) -> Kept | None:
        """What was published for a place; what is damaged is discarded."""
        folder = self._folder(place)
        try:
            payload = LocalBlobs(folder, durable=False).get(MANIFEST)
        except NotFound as error:
            # A folder appears with its manifest; another process may have published it by now.
            if folder.exists() and not (folder / MANIFEST).is_file():
                self.discard(place, error)
            return None
        try:
            return HeldRecords(folder, _opened(payload, folder))
        except (IntegrityError, NotFound, PickleRefused) as error:
            self.discard(place, error)
            return None

    def discard(self, place: Place, reason: object) -> None:
        """Deletes an epoch that is damaged."""
        folder = self._folder(place)
        # What is stored says how to submit it again, which nobody has to do here.
        reason = getattr(reason, "__cause__", None) or reason
        logger.warning("the cache in %s is damaged and is made again: %s", folder, reason)
        self._delete(folder)

    def make(self, place: Place) -> DiskMaking:
        """Begins to keep an epoch."""
        return DiskMaking(self, place, Spool(self._root, remedy=REMEDY))

    def publish(self, place: Place, spool: Spool) -> None:
        """Gives a finished epoch its name, and deletes the epochs before it."""
        folder = self._folder(place)
        manifest = spool.finish(place.key or str(place.before), str(place.run.epoch))
        spool.blobs.put(MANIFEST, _closed(manifest))
        with writing(folder):
            make_folder(folder.parent, durable=False)
            # Where it fails, another process has published the same records before.
            with suppress(FileExistsError, NotADirectoryError):
                _rename(spool.folder, folder)
        for name in LocalBlobs(self._root).folders(folder.parent.name):
            number = name.removeprefix(EPOCH)
            if number.isdecimal() and int(number) < place.run.epoch:
                self._delete(folder.parent / name)

    def _delete(self, folder: Path) -> None:
        """Takes a folder away at once, and then apart."""
        spool = Spool(self._root, remedy=REMEDY)
        try:
            # Another process may have taken it away.
            with suppress(FileNotFoundError), writing(folder):
                os.rename(folder, spool.folder / folder.name)
        finally:
            spool.close()

    def _folder(self, place: Place) -> Path:
        run = place.run
        named = self._digest_of(place.before) if place.key is None else f"key {place.key}"
        # Under a key nothing else tells that records were added.
        length = place.before.length(run)
        text = f"{LAYOUT} {named} seed={run.seed} rank={run.rank}/{run.world_size} of {length}"
        name = xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))
        return self._root / name / f"{EPOCH}{run.epoch}"

    def _digest_of(self, before: Node[Any]) -> str:
        if self._digest is None or not same_chain(self._digest[0], before):
            self._digest = before, chain_digest(before)
        return self._digest[1]


class DiskMaking:
    """An epoch on its way into the store."""

    def __init__(self, store: DiskStore, place: Place, spool: Spool) -> None:
        self._store = store
        self._place = place
        self._spool = spool

    def add(self, block: Block[Any]) -> None:
        """Takes in the next records. Raises StorageError where the disk is full."""
        self._spool.add(block)

    def publish(self) -> None:
        """Gives the epoch its name."""
        self._store.publish(self._place, self._spool)

    def close(self) -> None:
        """Removes what was not published."""
        self._spool.close()


def _rename(folder: Path, name: Path) -> None:
    try:
        os.rename(folder, name)
    except OSError as error:
        # What a system says of a name that is taken by a folder with something in it.
        if name.is_dir():
            raise FileExistsError(str(name)) from error
        raise


def _closed(manifest: Manifest) -> bytes:
    payload = encode(manifest)
    return xxhash.xxh3_128_hexdigest(payload).encode() + b"\n" + payload


def _opened(payload: bytes, folder: Path) -> Manifest:
    digest, _, text = payload.partition(b"\n")
    if xxhash.xxh3_128_hexdigest(text).encode() != digest:
        raise IntegrityError(f"the checksum of {folder / MANIFEST} differs")
    return decode_unnamed(text, key=str(folder / MANIFEST))
