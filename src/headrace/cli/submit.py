"""`headrace submit`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from enum import StrEnum
from typing import Annotated

import typer

from headrace.backends import Processes
from headrace.cli.options import AllowPickle, AsJson, StorageUrl
from headrace.cli.place import Place, new_place, stored
from headrace.cli.printing import counted, show, show_json, size
from headrace.cli.sources import OnError, source_of
from headrace.contracts.errors import ArgumentError


class Mode(StrEnum):
    """What becomes of the parent's records."""

    APPEND = "append"


def submit(  # noqa: PLR0913 - the options of the command
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A file, a folder, a pattern in quotes, or package.module:name: a function that "
            "returns the records, or the records themselves.",
            show_default=False,
        ),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The dataset.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="The new version.")],
    *,
    storage: StorageUrl = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", help="Store at most so many records.")
    ] = None,
    unbatch: Annotated[
        bool,
        typer.Option("--unbatch", help="Store the records in the batches that the source gives."),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of a version of that name.")
    ] = False,
    allow_pickle: AllowPickle = False,
    meta: Annotated[
        list[str] | None,
        typer.Option("--meta", metavar="KEY=VALUE", help="A note to keep; may be repeated."),
    ] = None,
    compress: Annotated[
        list[str] | None,
        typer.Option(
            "--compress",
            metavar="FIELD=CODEC",
            help="Store a field compressed, by zstd or zstd:LEVEL; may be repeated.",
        ),
    ] = None,
    parent: Annotated[
        str | None,
        typer.Option("--parent", metavar="VERSION", help="The version, or tag, to append to."),
    ] = None,
    mode: Annotated[
        Mode | None,
        typer.Option("--mode", help="append: begin with the records of the parent."),
    ] = None,
    on_error: Annotated[
        OnError, typer.Option("--on-error", help="What to do with what cannot be read in files.")
    ] = OnError.RAISE,
    workers: Annotated[
        int,
        typer.Option("--workers", metavar="N", help="Read, decode and write on so many processes."),
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Store the records of any source as a new version.

    All or nothing: what fails on the way publishes nothing.
    """
    place = new_place(storage)
    notes = _pairs("--meta", meta or [], form="KEY=VALUE", like="made-by=ada")
    codecs = _pairs("--compress", compress or [], form="FIELD=CODEC", like="text=zstd")
    # What the code behind a source prints is no output of this command.
    with redirect_stdout(sys.stderr):
        place.storage.submit(
            source_of(source, on_error=on_error, allow_pickle=allow_pickle),
            name,
            version,
            replace=replace,
            allow_pickle=allow_pickle,
            meta=notes,
            limit=limit,
            unbatch=unbatch,
            compress=codecs or None,
            backend=Processes(workers) if workers else None,
            parent=parent,
            mode=None if mode is None else "append",
        )
    _tell(place, name, version, as_json=as_json)


def _tell(place: Place, name: str, version: str, *, as_json: bool) -> None:
    manifest = stored(place, name, version).manifest
    if not as_json:
        shards = counted(len(manifest.shards), "shard")
        records = counted(manifest.rows, "record")
        size_told = size(manifest.size_bytes)
        show(f"{name} {version}: {records}, {size_told} in {shards}, in {place.url}")
        return
    show_json(
        {
            "storage": place.url,
            "dataset": name,
            "version": version,
            "records": manifest.rows,
            "size_bytes": manifest.size_bytes,
            "shards": len(manifest.shards),
            "identity": manifest.identity,
        }
    )


def _pairs(option: str, pairs: list[str], *, form: str, like: str) -> dict[str, str]:
    found = {}
    for pair in pairs:
        key, mark, value = pair.partition("=")
        if not (key and mark):
            raise ArgumentError(
                f"{option} needs {form}, got {pair!r}. Write it like {option} {like}."
            )
        found[key] = value
    return found
