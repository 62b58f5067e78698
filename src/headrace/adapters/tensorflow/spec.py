"""The element_spec of a tf.data.Dataset of our records: as stored, or as a record shows it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.adapters.tensorflow.crossing import array_of, field_of
from headrace.contracts import Groups, Stage, Visit
from headrace.contracts.errors import ArgumentError
from headrace.engine import Chain
from headrace.formats.manifest.manifest import Manifest
from headrace.formats.schema.schema import Leaf, Schema, tree_of
from headrace.sources.frameworks.element_spec import (
    ORIGIN_KIND,
    components,
    packed,
    restored,
)
from headrace.sources.frameworks.tensor_parts import kind_of
from headrace.stages import (
    Batch,
    Filter,
    FlatMap,
    Rebatch,
    Repeat,
    Shard,
    Shuffle,
    Skip,
    Take,
    Tap,
    Unbatch,
)

# Any, in this file: TensorFlow is optional, and records hold the user's values.

# Stages after which the records are still the stored ones.
KEEPING = (Filter, Repeat, Shard, Shuffle, Skip, Take, Tap)
TEXTS = ("str", "bytes", "numpy str", "numpy bytes")


def batch_of(chain: Chain) -> Stage | None:
    """The stage that made what the chain gives batches, None where it gives single records."""
    found: Stage | None = None
    for stage in chain.stages:
        if isinstance(stage, Groups | Rebatch):
            found = stage
        elif isinstance(stage, Unbatch | FlatMap):
            found = None
    return found


def stored_spec(tf: Any, chain: Chain) -> Any:
    """The spec of stored records that nothing has changed but a batch; None of others."""
    records = chain.source.records if isinstance(chain.source, Visit) else None
    manifest = getattr(records, "manifest", None)
    changing = [stage for stage in chain.stages if not isinstance(stage, KEEPING)]
    is_batched = len(changing) == 1 and isinstance(changing[0], Batch) and changing[0].stacks
    if not isinstance(manifest, Manifest) or (changing and not is_batched):
        return None
    if manifest.origin.get("kind") == ORIGIN_KIND:
        spec = restored(tf, manifest.origin["element_spec"])
    else:
        spec = None if manifest.schema is None else _schema_spec(tf, manifest.schema)
    if spec is None or not is_batched:
        return spec
    batch = changing[0]
    assert isinstance(batch, Batch)
    return batched(tf, spec, batch.size if batch.drop_last else None)


def _schema_spec(tf: Any, schema: Schema) -> Any:
    """The spec that a schema tells, None where it leaves something open."""
    if isinstance(schema, Leaf):
        return _leaf_spec(tf, schema)
    children = [_schema_spec(tf, child) for child in schema.children]
    if any(child is None for child in children):
        return None
    if schema.kind == "dict":
        return dict(zip(schema.keys, children, strict=True))
    if schema.kind == "tuple":
        return tuple(children)
    cls = tree_of(schema).cls
    # A list becomes a tensor, which a record shows better than the kinds of its members.
    return None if cls is None else cls(*children)


def _leaf_spec(tf: Any, leaf: Leaf) -> Any:
    if leaf.nullable:
        return None
    if leaf.kind in TEXTS:
        return tf.TensorSpec([], tf.string)
    if leaf.kind == "list":
        return tf.TensorSpec([None], tf.as_dtype(leaf.numpy)) if leaf.dtype else None
    if leaf.kind in ("none", "image", "pickle"):
        return None
    dtype = _tensor_dtype(tf, np.empty(0, leaf.numpy))
    shape = [None] * leaf.ndim if leaf.shape is None else leaf.shape
    return None if dtype is None else tf.TensorSpec(shape, dtype)


def batched(tf: Any, spec: Any, size: int | None) -> Any:
    """The spec of batches of records of `spec`.

    Raises:
        ArgumentError: ragged and sparse tensors, which only TensorFlow can batch.
    """
    made = []
    for name, one in components(spec):
        if kind_of(tf, one) != "dense":
            raise ArgumentError(
                f"{field_of(name)} is a {type(one).__name__}, and its records differ in shape, so "
                "that they cannot be stacked before they are tensors. Leave .batch out here and "
                "batch in TensorFlow: make_tf_dataset(ref.stream()).batch(n)."
            )
        shape = None if one.shape.rank is None else [size, *one.shape]
        made.append(tf.TensorSpec(shape, one.dtype))
    return packed(spec, iter(made))


def spec_of(tf: Any, record: Any, *, is_free: bool, name: str = "") -> Any:
    """The spec that a record shows; `is_free` leaves the first axis of each array open.

    Raises:
        ArgumentError: a value can be no tensor; the message names the field.
    """
    if isinstance(record, dict | tuple):
        keys = list(record) if isinstance(record, dict) else _names(record)
        values = list(record.values()) if isinstance(record, dict) else list(record)
        made = [
            spec_of(tf, value, is_free=is_free, name=f"{name}.{key}" if name else str(key))
            for key, value in zip(keys, values, strict=True)
        ]
        if isinstance(record, dict):
            return dict(zip(keys, made, strict=True))
        return type(record)(*made) if hasattr(record, "_fields") else tuple(made)
    array = array_of(record)
    dtype = None if array is None else _tensor_dtype(tf, array)
    if array is None or dtype is None:
        raise ArgumentError(
            f"{field_of(name)} holds {type(record).__name__} {str(record)[:40]!r}, which is no "
            "tensor. Make a number, a text or an array of it with .map, or leave it out."
        )
    # Lists are as long as they like; what stacks has one shape.
    is_open = array.ndim > 0 and (is_free or isinstance(record, list))
    return tf.TensorSpec([None, *array.shape[1:]] if is_open else array.shape, dtype)


def _tensor_dtype(tf: Any, array: npt.NDArray[Any]) -> Any:
    if array.dtype.kind in "SU":
        return tf.string
    if array.dtype == object:
        is_text = array.size and all(isinstance(one, str | bytes) for one in array.flat)
        return tf.string if is_text else None
    try:
        return tf.as_dtype(array.dtype.newbyteorder("="))
    except TypeError:
        return None


def _names(record: tuple[Any, ...]) -> list[Any]:
    return list(getattr(record, "_fields", range(len(record))))
