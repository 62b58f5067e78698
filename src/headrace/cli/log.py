"""`headrace log`."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.text import Text

from headrace.cli.options import AsJson, Dataset, StorageUrl
from headrace.cli.place import place_at
from headrace.cli.printing import show, show_json
from headrace.display.text import visible
from headrace.formats.manifest.manifest import Made
from headrace.storage.log import UnreadVersion, VersionReport

# Any, in this file: JSON holds values of every type.

MADE = [field.name for field in msgspec.structs.fields(Made) if field.name != "when_ns"]
# What is not known of a version that cannot be read.
FIGURES = (
    *("identity", "made", *MADE, "records", "size_bytes", "new_bytes", "shards"),
    *("parent", "tags", "meta"),
)


def log(name: Dataset, *, storage: StorageUrl = None, as_json: AsJson = False) -> None:
    """Show the versions of a dataset, the newest first: when, by what, how large, what is new."""
    found = place_at(storage).storage.log(name)
    if as_json:
        unread = (_unread(name, one) for one in found.unread)
        show_json([*map(_as_json, found.versions), *unread])
    else:
        show(Text(visible(str(found))))


def _as_json(one: VersionReport) -> dict[str, Any]:
    return {
        "dataset": one.dataset,
        "version": one.version,
        "identity": one.identity,
        "made": one.when,
        **{name: getattr(one.made, name) or None for name in MADE},
        "records": one.records,
        "size_bytes": one.size_bytes,
        "new_bytes": one.new_bytes,
        "shards": one.shard_count,
        "parent": one.parent,
        "tags": list(one.tags),
        "meta": dict(one.meta),
        "error": None,
    }


def _unread(dataset: str, one: UnreadVersion) -> dict[str, Any]:
    nothing = dict.fromkeys(FIGURES)
    return {"dataset": dataset, "version": one.version, **nothing, "error": one.reason}
