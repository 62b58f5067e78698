"""`headrace view`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.options import AllowPickle, AnyVersion, AsJson, Dataset, Seed, StorageUrl
from headrace.cli.place import place_at, stored
from headrace.cli.printing import counted, moment_for_people, show, show_json, size
from headrace.contracts.errors import ArgumentError, whole
from headrace.display import page


def view(  # noqa: PLR0913 - the options of the command
    name: Dataset,
    version: AnyVersion = None,
    *,
    storage: StorageUrl = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write it; NAME-VERSION.html here without.",
        ),
    ] = None,
    count: Annotated[int, typer.Option("-n", "--count", help="How many records to show.")] = 24,
    seed: Seed = 0,
    allow_pickle: AllowPickle = False,
    as_json: AsJson = False,
) -> None:
    """Write one HTML page about a version: schema, statistics, records, pictures.

    The page needs no network and no other file.
    """
    whole("--count", count, least=0, remedy="Write it like -n 24.")
    place = place_at(storage)
    one = stored(place, name, version)
    manifest = one.manifest
    ref = place.storage.fetch(name, manifest.version, allow_pickle=allow_pickle)
    shards = counted(len(manifest.shards), "shard")
    pairs = [
        ("size", f"{size(manifest.size_bytes)} in {shards}"),
        ("made", f"{moment_for_people(one.made_ns)} UTC"),
        ("storage", place.url),
        ("identity", manifest.identity),
        *((key, str(value)) for key, value in manifest.meta.items()),
    ]
    text = page(ref, title=one.name, subtitle_pairs=pairs, records=count, seed=seed)
    path = output or Path(f"{name}-{manifest.version}.html")
    size_bytes = _write(path, text)
    if as_json:
        show_json({"path": str(path.absolute()), "size_bytes": size_bytes})
    else:
        show(f"{path}: {size(size_bytes)}, open it in a browser")


def _write(path: Path, text: str) -> int:
    payload = text.encode("utf-8")
    aside = path.with_name(f".{path.name}.part")
    try:
        try:
            aside.write_bytes(payload)
            # A page that is there already is replaced when the new one is whole.
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise ArgumentError(
            f"cannot write the page to {str(path)!r}: {error.strerror}. "
            "Give -o a file in a folder that is there and may be written."
        ) from error
    return len(payload)
