"""What a schema must become to hold one more record, and what is said where it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from headrace.contracts.errors import RecordError
from headrace.contracts.tree import Record, Tree
from headrace.formats.schema.infer import Unstorable, leaf_of, schema_of
from headrace.formats.schema.merge import merged, merged_schema
from headrace.formats.schema.schema import Leaf, Schema
from headrace.formats.schema.transpose import Values, leaf_rows

# Any, in this file: values are the user's, of every type.


def schema_with(
    schema: Schema | None,
    record: Record,
    *,
    number: int,
    allow_pickle: bool,
    tree: Tree | None = None,
) -> Schema:
    """The schema that holds `record`, too, which is the `number`-th and has the structure `tree`.

    Raises:
        RecordError: it cannot be stored, or there is no such schema.
    """
    try:
        new = schema_of(record, tree, allow_pickle=allow_pickle)
    except Unstorable as error:
        what, remedy = error.args
        raise RecordError(f"record {number} holds {what}. {remedy}") from error.__cause__
    wider = new if schema is None else merged_schema(schema, new)
    if wider is None:
        raise RecordError(
            f"record {number} is {new}, the records before it are {schema}. Give all records one "
            "structure with .map, and numbers as all int or all float. Only lists of plain values "
            "(None, bool, int, float, str, bytes, lists and dicts of them) may vary; store others "
            "as np.asarray(...)."
        )
    return wider


def leaves_with(
    leaves: Sequence[Leaf], chunk: Sequence[Values], *, allow_pickle: bool
) -> list[Leaf] | None:
    """The leaves that hold the values of a chunk, too; None where one cannot."""
    found = []
    for leaf, values in zip(leaves, chunk, strict=True):
        # In an array all values are of one kind.
        some = values[:1] if isinstance(values, np.ndarray) else values
        wider = _leaf_with(leaf, leaf_rows(leaf, some), allow_pickle=allow_pickle)
        if wider is None:
            return None
        found.append(wider)
    return found


def _leaf_with(leaf: Leaf, values: Sequence[Any], *, allow_pickle: bool) -> Leaf | None:
    for value in values:
        try:
            wider = merged(leaf, leaf_of(value, allow_pickle=allow_pickle))
        except Unstorable:
            return None
        if wider is None:
            return None
        leaf = wider
    return leaf
