"""The storage that a command works on, and one version in it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from headrace.blobs import LocalBlobs, open_blobs
from headrace.blobs.open import LOCKS, Locks
from headrace.contracts.errors import ArgumentError, near
from headrace.digests import TRUSTS, Trust
from headrace.formats.manifest.manifest import Manifest
from headrace.settings import current_settings
from headrace.storage import Storage
from headrace.storage.catalog import Catalog, checked_name, manifest_key
from headrace.storage.log import made_ns

T = TypeVar("T", bound=str)
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


def new_place(url: str | None, *, remedy: str = REMEDY) -> Place:
    """The storage to write to, which may not exist yet; `remedy` is how to name another.

    Raises:
        ArgumentError: it is no address of a folder.
    """
    chosen = url or current_settings().storage or DEFAULT_STORAGE
    if chosen.lower().startswith("memory:"):
        raise ArgumentError(
            f"{chosen} ends with this command, so that nobody would find what is in it. "
            "Give --storage a folder."
        )
    blobs = open_blobs(chosen, locks=_locks())
    if isinstance(blobs, LocalBlobs) and blobs.root.is_file():
        raise ArgumentError(f"there is a file at {blobs.url}, and a storage is a folder. {remedy}")
    return Place(Storage(blobs, trust=chosen_trust()), Catalog(blobs))


def place_at(url: str | None, *, remedy: str = REMEDY) -> Place:
    """The storage to read from; `remedy` is how to name another.

    Raises:
        ArgumentError: there is none, or it is no address.
    """
    place = new_place(url, remedy=remedy)
    folder = place.catalog.blobs
    if isinstance(folder, LocalBlobs) and not folder.root.is_dir():
        raise ArgumentError(
            f"there is no storage at {place.url}, which is no folder. "
            f"{_near_by(folder.root)}{remedy}"
        )
    return place


def stored(place: Place, dataset: str, version: str | None) -> Stored:
    """A version, by its name or that of a tag, or the newest one. Raises NotFound."""
    catalog = place.catalog
    checked_name("dataset", dataset)
    chosen = catalog.newest(dataset) if version is None else checked_name("version", version)
    manifest = catalog.found(dataset, chosen)
    stat = catalog.blobs.stat(manifest_key(dataset, manifest.version))
    return Stored(manifest, 0 if stat is None else made_ns(manifest, stat))


def chosen_trust() -> Trust:
    """By which digest shards must be named. Raises ArgumentError."""
    return _said("HEADRACE_TRUST", current_settings().trust, TRUSTS, option="trust")


def _locks() -> Locks:
    return _said("HEADRACE_LOCKS", current_settings().locks, LOCKS, option="locks")


def _said(variable: str, said: str | None, known: tuple[T, ...], *, option: str) -> T:
    """What a variable says, the first that is known where it says nothing."""
    for one in known:
        if said in (None, one):
            return one
    raise ArgumentError(
        f"{variable} must be one of {', '.join(known)}, got {said!r}. Set it to what those say "
        f"who write there by Storage(..., {option}=...), or leave it out."
    )


def _near_by(path: Path) -> str:
    folders = path.parent.glob("*") if path.parent.is_dir() else iter(())
    names = [folder.name for folder in folders if folder.is_dir()]
    close = difflib.get_close_matches(path.name, names)
    return f"{near(path.name, close)} " if close else ""
