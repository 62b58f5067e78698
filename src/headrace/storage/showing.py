"""How a storage looks when it is printed: its datasets and versions, a few lines at most."""

from __future__ import annotations

from html import escape

from headrace.contracts.errors import HeadraceError, StorageError
from headrace.storage.catalog import Catalog

# What is printed fits on a screen, and reads at most this many manifests.
SHOWN_DATASETS = 10
SHOWN_VERSIONS = 3


def shown_text(catalog: Catalog) -> str:
    """Name, address, datasets, their newest versions and lengths."""
    try:
        names = catalog.datasets()
    except StorageError as error:
        # A store that cannot be listed, or not now.
        return f"Storage({catalog.blobs.url!r}), not listed ({type(error).__name__})"
    lines = [f"  {name}: {versions}" for name, versions in _rows(catalog, names)]
    return "\n".join([f"Storage({catalog.blobs.url!r}), {_count(names)}", *lines])


def shown_html(catalog: Catalog) -> str:
    """The same as a table."""
    try:
        names = catalog.datasets()
    except StorageError:
        return f"<p>{escape(shown_text(catalog))}</p>"
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(versions)}</td></tr>"
        for name, versions in _rows(catalog, names)
    )
    title = escape(f"Storage {catalog.blobs.url}, {_count(names)}")
    head = "<tr><th>dataset</th><th>versions</th></tr>"
    return f"<table><caption>{title}</caption>{head}{rows}</table>"


def _rows(catalog: Catalog, names: list[str]) -> list[tuple[str, str]]:
    rows = [(name, _versions(catalog, name)) for name in names[-SHOWN_DATASETS:]]
    hidden = len(names) - len(rows)
    return [*rows, ("...", f"and {hidden} older datasets")] if hidden else rows


def _versions(catalog: Catalog, dataset: str) -> str:
    versions = catalog.versions(dataset)
    shown = [_version(catalog, dataset, version) for version in versions[-SHOWN_VERSIONS:]]
    hidden = len(versions) - len(shown)
    return ", ".join(([f"{hidden} older"] if hidden else []) + shown)


def _version(catalog: Catalog, dataset: str, version: str) -> str:
    try:
        return f"{version} ({catalog.manifest(dataset, version).rows:,} records)"
    except HeadraceError as error:
        # Printing a storage must work most of all when something is wrong with it.
        return f"{version} ({type(error).__name__})"


def _count(names: list[str]) -> str:
    return "1 dataset" if len(names) == 1 else f"{len(names)} datasets"
