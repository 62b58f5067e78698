"""`headrace tag` and `headrace untag`."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.cli.options import AsJson, Dataset, StorageUrl, Version
from headrace.cli.place import place_at
from headrace.cli.printing import show, show_json

TagName = Annotated[
    str, typer.Argument(metavar="TAG", help="The name, such as latest-good.", show_default=False)
]


def tag(
    name: Dataset,
    version: Version,
    tag: TagName,
    *,
    storage: StorageUrl = None,
    as_json: AsJson = False,
) -> None:
    """Point a tag at a version, from wherever it pointed: it then stands for that version."""
    place = place_at(storage)
    place.storage.tag(name, version, tag)
    # The version itself was named, or another tag of it.
    pointed = place.catalog.tagged(name, tag) or version
    if as_json:
        show_json({"storage": place.url, "dataset": name, "version": pointed, "tag": tag})
    else:
        show(f"{name} {tag} is {pointed}")


def untag(
    name: Dataset, tag: TagName, *, storage: StorageUrl = None, as_json: AsJson = False
) -> None:
    """Take a tag away; the version stays."""
    place = place_at(storage)
    place.storage.untag(name, tag)
    if as_json:
        show_json({"storage": place.url, "dataset": name, "tag": tag, "untagged": True})
    else:
        show(f"{name} {tag} is no tag any more")
