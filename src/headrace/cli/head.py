"""`headrace head`."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import typer

from headrace.cli.options import AllowPickle, AnyVersion, AsJson, Dataset, StorageUrl
from headrace.cli.place import place_at, stored
from headrace.cli.plain import plain
from headrace.cli.printing import can_draw, counted, show, show_json, stdout
from headrace.contracts import rows
from headrace.contracts.errors import whole
from headrace.contracts.order import Indices
from headrace.dataref import DataRef
from headrace.display import record_table

# Any, in this file: records are the user's values, of every type.


def head(
    name: Dataset,
    version: AnyVersion = None,
    *,
    storage: StorageUrl = None,
    count: Annotated[int, typer.Option("-n", "--count", help="How many records.")] = 10,
    allow_pickle: AllowPickle = False,
    as_json: AsJson = False,
) -> None:
    """Print the first records of a version, in the order they were stored."""
    whole("--count", count, least=0, remedy="Write it like -n 3.")
    place = place_at(storage)
    one = stored(place, name, version)
    ref = place.storage.fetch(name, one.manifest.version, allow_pickle=allow_pickle)
    indices = np.arange(min(count, len(ref)))
    if as_json:
        records = [plain(record) for record in rows(ref.read(indices))]
        show_json({"dataset": name, "version": one.manifest.version, "records": records})
        return
    show_records(ref, indices)
    if len(ref) > len(indices):
        show(f"of {counted(len(ref), 'record')}")


def show_records(ref: DataRef[Any], indices: Indices) -> None:
    """Prints the records at `indices` as a table, with pictures where they can be drawn."""
    records = rows(ref.read(indices))
    show(
        record_table(records, start_indices=indices.tolist(), pictures=can_draw(stdout()))
        if records
        else "no records"
    )
