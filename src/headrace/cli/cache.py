"""`headrace cache ls` and `headrace cache clear`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from headrace.blobs.cache.defaults import cache_folder
from headrace.blobs.cache.listing import CachedDataset, Chosen, cleared, listed
from headrace.cli.options import AsJson
from headrace.cli.printing import (
    columns,
    counted,
    moment,
    moment_for_people,
    show,
    show_json,
    size,
)
from headrace.contracts.errors import ArgumentError

DAY_S = 86_400.0


class Action(StrEnum):
    """What is done with the cached shards."""

    ls = "ls"
    clear = "clear"


def cache(
    action: Annotated[Action, typer.Argument(help="List the cached shards, or remove them.")],
    *,
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Only of this storage, or of those below it."),
    ] = None,
    older_than: Annotated[
        float, typer.Option("--older-than", metavar="DAYS", help="Only what was unused so long.")
    ] = 0.0,
    cache_dir: Annotated[
        Path | None,
        typer.Option(
            "--cache-dir",
            metavar="FOLDER",
            help="The cache. Without it, $HEADRACE_CACHE_DIR, else ~/.cache/headrace.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List or remove the shards of remote storages that are kept on this machine.

    What a process uses now is never removed.
    """
    if not older_than >= 0:
        raise ArgumentError(
            f"--older-than must be at least 0 days, got {older_than!r}. Leave it out for all."
        )
    folder = cache_folder(cache_dir)
    chosen = Chosen(url, older_than * DAY_S)
    if action is Action.clear:
        _clear(folder, chosen, as_json=as_json)
    else:
        _list(folder, listed(folder, chosen), as_json=as_json)


def _list(folder: Path, found: list[CachedDataset], *, as_json: bool) -> None:
    if as_json:
        show_json([_as_json(one) for one in found])
        return
    if not found:
        show(f"no shards in {folder}")
        return
    right = ("shards", "size")
    table = columns("dataset", "shards", "size", "last used (UTC)", "storage", right=right)
    for one in found:
        used = moment_for_people(one.used_ns)
        storage = one.url or "(unknown)"
        table.add_row(one.dataset, f"{one.shards:,}", size(one.size_bytes), used, storage)
    show(table)


def _clear(folder: Path, chosen: Chosen, *, as_json: bool) -> None:
    gone, used = cleared(folder, chosen)
    size_bytes = sum(file.size_bytes for file in gone)
    if as_json:
        show_json(
            {
                "cache_dir": str(folder),
                "shards": len(gone),
                "size_bytes": size_bytes,
                "in_use": len(used),
            }
        )
        return
    show(f"{counted(len(gone), 'shard')} removed, {size(size_bytes)} freed")
    if used:
        show(f"left alone, as it is in use: {counted(len(used), 'shard')}")


def _as_json(one: CachedDataset) -> dict[str, object]:
    return {
        "storage": one.url,
        "dataset": one.dataset,
        "shards": one.shards,
        "size_bytes": one.size_bytes,
        "last_used": moment(one.used_ns),
    }
