"""`headrace diff`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from headrace.cli.options import AsJson, Dataset, StorageUrl
from headrace.cli.place import place_at
from headrace.cli.printing import show, show_json
from headrace.display.text import visible
from headrace.storage.diff import Change, Shards


def diff(
    name: Dataset,
    a: Annotated[str, typer.Argument(metavar="A", help="A version, or a tag.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="The other one.", show_default=False)],
    *,
    storage: StorageUrl = None,
    as_json: AsJson = False,
) -> None:
    """Compare two versions: the shards they share, what each has alone, schema and notes.

    No shard is read.
    """
    found = place_at(storage).storage.diff(name, a, b)
    if not as_json:
        show(Text(visible(str(found))))
        return
    show_json(
        {
            "dataset": found.dataset,
            "a": found.a,
            "b": found.b,
            "appended": found.appended,
            "shared": _counts(found.shared),
            "only_a": _counts(found.only_a),
            "only_b": _counts(found.only_b),
            "schema": _changes(found.schema),
            "meta": _changes(found.meta),
        }
    )


def _counts(some: Shards) -> dict[str, int]:
    return {"shards": some.count, "records": some.records, "size_bytes": some.size_bytes}


def _changes(some: tuple[Change, ...]) -> list[dict[str, str | None]]:
    return [{"name": one.name, "before": one.before, "after": one.after} for one in some]
