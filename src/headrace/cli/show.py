"""`headrace show`."""

from __future__ import annotations

import json
from typing import Annotated

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from headrace.cli.head import show_records
from headrace.cli.ls import as_json_figures
from headrace.cli.options import AllowPickle, AnyVersion, AsJson, Dataset, Seed, StorageUrl
from headrace.cli.place import Place, Stored, place_at, stored
from headrace.cli.printing import counted, moment_for_people, show, show_json, size
from headrace.cli.schema import schema_json, schema_tree
from headrace.contracts import rows
from headrace.contracts.errors import seed_value, whole
from headrace.contracts.order import Indices
from headrace.display import leaf_text
from headrace.display.fields import leaves
from headrace.formats.manifest.ratios import ratios
from headrace.orders import Range, Shuffled

# Notes longer than this are cut; `--json` has them whole.
NOTE_WIDTH = 100


def show_version(
    name: Dataset,
    version: AnyVersion = None,
    *,
    storage: StorageUrl = None,
    count: Annotated[
        int, typer.Option("-n", "--count", help="How many records of the shuffle.")
    ] = 5,
    seed: Seed = 0,
    allow_pickle: AllowPickle = False,
    as_json: AsJson = False,
) -> None:
    """Show a version: its schema, its size, what was noted, and records of a global shuffle.

    The records are the first ones of `fetch(NAME).shuffle(seed=SEED)`.
    """
    whole("--count", count, least=0, remedy="Write it like -n 3.")
    place = place_at(storage)
    one = stored(place, name, version)
    first = np.arange(min(count, one.manifest.rows))
    indices = Shuffled(Range(one.manifest.rows), seed_value(seed)).at(0, first)
    is_closed = one.manifest.is_pickled and not allow_pickle
    if as_json:
        found = [] if is_closed else _fields(place, one, indices)
        show_json(_as_json(place, one, seed, found))
        return
    _show(place, one)
    if is_closed:
        show("", "The records hold pickled values: --allow-pickle shows them.")
    elif len(indices):
        show("", f"the first {len(indices)} of a global shuffle, seed {seed}")
        ref = place.storage.fetch(name, one.manifest.version, allow_pickle=allow_pickle)
        show_records(ref, indices)


def _show(place: Place, one: Stored) -> None:
    manifest = one.manifest
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("records", f"{manifest.rows:,}")
    shards = counted(len(manifest.shards), "shard")
    table.add_row("size", f"{size(manifest.size_bytes)} in {shards}")
    table.add_row("made", f"{moment_for_people(one.made_ns)} UTC")
    table.add_row("storage", Text(place.url))
    table.add_row("identity", Text(manifest.identity))
    for title, noted in (("meta", manifest.meta), ("origin", manifest.origin)):
        for at, (key, value) in enumerate(noted.items()):
            table.add_row(title if at == 0 else "", _note(key, value))
    show(Text(one.name, style="bold"), table, "", schema_tree(manifest.schema, ratios(manifest)))


def _note(key: str, value: object) -> Text:
    told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Text.assemble((leaf_text(key), "cyan"), " ", leaf_text(told, NOTE_WIDTH))


def _fields(place: Place, one: Stored, indices: Indices) -> list[dict[str, object]]:
    manifest = one.manifest
    ref = place.storage.fetch(manifest.dataset, manifest.version, allow_pickle=True)
    found = zip(indices.tolist(), rows(ref.read(indices)), strict=True)
    return [
        {
            "index": index,
            "fields": {field: leaf_text(value) for field, value in leaves(record)},
        }
        for index, record in found
    ]


def _as_json(
    place: Place, one: Stored, seed: int, found: list[dict[str, object]]
) -> dict[str, object]:
    manifest = one.manifest
    return {
        "storage": place.url,
        "dataset": manifest.dataset,
        "version": manifest.version,
        **as_json_figures(one),
        "identity": manifest.identity,
        "schema": schema_json(manifest.schema),
        "compressed": ratios(manifest),
        "is_pickled": manifest.is_pickled,
        "meta": manifest.meta,
        "origin": manifest.origin,
        "shuffled": {"seed": seed, "records": found},
    }
