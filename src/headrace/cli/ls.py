"""`headrace ls`."""

from __future__ import annotations

from rich.table import Table

from headrace.cli.options import AnyDataset, AsJson, StorageUrl
from headrace.cli.place import Place, Stored, place_at, stored
from headrace.cli.printing import columns, moment, moment_for_people, show, show_json, size
from headrace.contracts.errors import HeadraceError


def ls(name: AnyDataset = None, *, storage: StorageUrl = None, as_json: AsJson = False) -> None:
    """List the datasets, or the versions of one."""
    place = place_at(storage)
    if name is None:
        datasets = place.storage.datasets()
        found = [(dataset, place.storage.versions(dataset)) for dataset in datasets]
    else:
        found = [(name, [version]) for version in place.storage.versions(name)]
    if as_json:
        show_json([_as_json(place, dataset, versions) for dataset, versions in found])
    elif found:
        show(_datasets(place, found) if name is None else _versions(place, found))
    else:
        show(f"no datasets in {place.url}")


def _datasets(place: Place, found: list[tuple[str, list[str]]]) -> Table:
    right = ("versions", "records", "size")
    table = columns("dataset", "newest", "versions", "records", "size", "made (UTC)", right=right)
    for dataset, versions in found:
        records, size_text, _, made = _figures(place, dataset, versions[-1])
        count = f"{len(versions):,}"
        table.add_row(dataset, versions[-1], count, records, size_text, made)
    return table


def _versions(place: Place, found: list[tuple[str, list[str]]]) -> Table:
    right = ("records", "size", "shards")
    table = columns("version", "records", "size", "shards", "made (UTC)", right=right)
    for dataset, (version,) in found:
        table.add_row(version, *_figures(place, dataset, version))
    return table


def _figures(place: Place, dataset: str, version: str) -> tuple[str, str, str, str]:
    try:
        one = stored(place, dataset, version)
    except HeadraceError as error:
        # A list must come also when one of what it lists is damaged.
        return type(error).__name__, "", "", ""
    manifest = one.manifest
    shards = f"{len(manifest.shards):,}"
    made = moment_for_people(one.made_ns)
    return f"{manifest.rows:,}", size(manifest.size_bytes), shards, made


def _as_json(place: Place, dataset: str, versions: list[str]) -> dict[str, object]:
    named: dict[str, object] = {"dataset": dataset, "version": versions[-1], "versions": versions}
    try:
        return named | as_json_figures(stored(place, dataset, versions[-1])) | {"error": None}
    except HeadraceError as error:
        nothing = dict.fromkeys(("records", "size_bytes", "shards", "made"))
        return named | nothing | {"error": str(error)}


def as_json_figures(one: Stored) -> dict[str, object]:
    """The figures of a version under the keys that each command gives them."""
    return {
        "records": one.manifest.rows,
        "size_bytes": one.manifest.size_bytes,
        "shards": len(one.manifest.shards),
        "made": moment(one.made_ns),
    }
