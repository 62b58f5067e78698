"""The storage that a command works on, and one version in it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from headrace.blobs import LocalBlobs, open_blobs
from headrace.contracts.errors import ArgumentError, near
from headrace.formats.manifest import Manifest
from headrace.settings import current_settings
from headrace.storage import Storage
from headrace.storage.catalog import Catalog, checked_name, manifest_key

DEFAULT_STORAGE = "headrace-data"
REMEDY = "Give --storage URL, or set HEADRACE_STORAGE."


@dataclass(frozen=True)
class Place:
    """A storage, and the catalog of what is in it."""

    storage: Storage
    catalog: Catalog

    @property
    def url(self) -> str:
        """Where it is."""
        return self.storage.url


@dataclass(frozen=True)
class Stored:
    """One version as it lies in storage."""

    manifest: Manifest
    made_ns: int

    @property
    def name(self) -> str:
        """Dataset and version."""
        return f"{self.manifest.dataset} {self.manifest.version}"


def new_place(url: str | None) -> Place:
    """The storage to write to, which may not exist yet.

    Raises:
        ArgumentError: it is no address of a folder.
    """
    chosen = url or current_settings().storage or DEFAULT_STORAGE
    if chosen.lower().startswith("memory:"):
        raise ArgumentError(
            f"{chosen} ends with this command, so that nobody would find what is in it. "
            "Give --storage a folder."
        )
    blobs = open_blobs(chosen)
    if isinstance(blobs, LocalBlobs) and blobs.root.is_file():
        raise ArgumentError(f"there is a file at {blobs.url}, and a storage is a folder. {REMEDY}")
    return Place(Storage(blobs), Catalog(blobs))


def place_at(url: str | None) -> Place:
    """The storage to read from.

    Raises:
        ArgumentError: there is none, or it is no address.
    """
    place = new_place(url)
    folder = place.catalog.blobs
    if isinstance(folder, LocalBlobs) and not folder.root.is_dir():
        raise ArgumentError(
            f"there is no storage at {place.url}, which is no folder. "
            f"{_near_by(folder.root)}{REMEDY}"
        )
    return place


def stored(place: Place, dataset: str, version: str | None) -> Stored:
    """A version, or the newest one. Raises NotFound, which lists the near ones."""
    catalog = place.catalog
    checked_name("dataset", dataset)
    chosen = catalog.newest(dataset) if version is None else checked_name("version", version)
    manifest = catalog.manifest(dataset, chosen)
    stat = catalog.blobs.stat(manifest_key(dataset, chosen))
    return Stored(manifest, 0 if stat is None else stat.modified_ns)


def _near_by(path: Path) -> str:
    folders = path.parent.glob("*") if path.parent.is_dir() else iter(())
    names = [folder.name for folder in folders if folder.is_dir()]
    close = difflib.get_close_matches(path.name, names)
    return f"{near(path.name, close)} " if close else ""
