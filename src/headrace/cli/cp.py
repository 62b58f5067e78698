"""`headrace cp`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import Annotated

import typer

from headrace.cli.options import AsJson
from headrace.cli.place import chosen_trust, new_place, place_at, stored
from headrace.cli.printing import counted, show, show_json, size
from headrace.storage.catalog import checked_name
from headrace.storage.copying import copied

# Where a name and a version are one argument: no character of either.
AT = "@"
REMEDY = "Give a folder or an address, such as /data/headrace or s3://bucket/headrace."


def cp(
    source: Annotated[
        str, typer.Argument(metavar="SRC_STORAGE", help="Where it is.", show_default=False)
    ],
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME[@VERSION]",
            help="The dataset, and its version or a tag; the newest version without.",
            show_default=False,
        ),
    ],
    target: Annotated[
        str, typer.Argument(metavar="DST_STORAGE", help="Where it goes.", show_default=False)
    ],
    *,
    as_version: Annotated[
        str | None,
        typer.Option("--as-version", metavar="VERSION", help="Give it another version there."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Copy a version to another storage: only the shards that are missing there.

    Each is verified on the way. A copy that was cut short goes on where it was.
    """
    here, there = place_at(source, remedy=REMEDY), new_place(target, remedy=REMEDY)
    dataset, mark, version = name.partition(AT)
    manifest = stored(here, dataset, version if mark else None).manifest
    chosen = checked_name("version", as_version or manifest.version)
    with redirect_stdout(sys.stderr):
        report = copied(manifest, here.catalog, there.catalog, version=chosen, trust=chosen_trust())
    if not as_json:
        shards = counted(report.shard_count, "shard")
        told = f"{shards} copied, {size(report.size_bytes)}; {report.shared_count:,} there already"
        show(f"{dataset} {chosen}: {told}, in {there.url}")
        return
    show_json(
        {
            "storage": there.url,
            "from": here.url,
            "dataset": dataset,
            "version": chosen,
            "records": manifest.rows,
            "shards_copied": report.shard_count,
            "size_bytes": report.size_bytes,
            "shards_shared": report.shared_count,
        }
    )
