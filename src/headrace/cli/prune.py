"""`headrace prune`."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.cli.options import AsJson, StorageUrl
from headrace.cli.place import place_at
from headrace.cli.printing import counted, show, show_json, size
from headrace.storage.upkeep import PRUNE_GRACE_S


def prune(
    *,
    storage: StorageUrl = None,
    grace_s: Annotated[
        float,
        typer.Option(
            "--grace-s",
            metavar="SECONDS",
            help="Keep what was deleted or replaced later than this, for its open readers.",
        ),
    ] = PRUNE_GRACE_S,
    as_json: AsJson = False,
) -> None:
    """Free the space of what no version needs: deleted ones, and what dead builders left."""
    place = place_at(storage)
    report = place.storage.prune(grace_s=grace_s)
    if as_json:
        show_json(
            {
                "storage": place.url,
                "files": len(report.keys),
                "size_bytes": report.size_bytes,
                "keys": list(report.keys),
                "busy": list(report.busy),
            }
        )
        return
    show(f"{counted(len(report.keys), 'file')} removed, {size(report.size_bytes)} freed")
    if report.busy:
        show(f"left alone, as they are being built: {', '.join(report.busy)}")
