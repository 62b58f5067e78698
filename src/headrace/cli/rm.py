"""`headrace rm`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from headrace.cli.failing import DATA_PROBLEM
from headrace.cli.options import AsJson, Dataset, StorageUrl, Version
from headrace.cli.place import Place, place_at, stored
from headrace.cli.printing import counted, note, show, show_json, size
from headrace.contracts.errors import ArgumentError, IntegrityError


def rm(
    name: Dataset,
    version: Version,
    *,
    storage: StorageUrl = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a version.

    Its shards stay for readers that are open now, until `headrace prune` frees their space.
    """
    place = place_at(storage)
    told = f"{name} {version}: {_counts(place, name, version)}"
    if not (yes or _agreed(told)):
        note(f"{name} {version} was kept.")
        raise typer.Exit(DATA_PROBLEM)
    place.storage.delete(name, version)
    if as_json:
        show_json({"storage": place.url, "dataset": name, "version": version, "deleted": True})
    else:
        show(f"{name} {version} deleted; `headrace prune` frees its space")


def _counts(place: Place, name: str, version: str) -> str:
    try:
        manifest = stored(place, name, version).manifest
    except IntegrityError:
        # What cannot be read can be deleted all the same.
        return "a damaged manifest"
    return f"{counted(manifest.rows, 'record')}, {size(manifest.size_bytes)}"


def _agreed(told: str) -> bool:
    if not sys.stdin.isatty():
        raise ArgumentError(
            f"rm asks before it deletes {told}, and there is no terminal to ask on. Add --yes."
        )
    return typer.confirm(f"Delete {told}?", err=True)
