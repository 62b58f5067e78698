"""The dense tensors that a tensor of a tf.data.Dataset is made of, and how records keep them.

A dense tensor is its own one part; a ragged one has flat values and row splits, a sparse one
indices, values and a dense shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

# Any, in this file: TensorFlow is optional, so its specs and tensors have no types here.

SPARSE_PARTS = ("indices", "values", "dense_shape")

# Records cross in blocks of at most so many of them, and about so many bytes: one by one each
# costs some 20 us on its way in, and 100 us on its way out.
BLOCK_RECORDS = 1024
BLOCK_BYTES = 2 * 2**20
# Nobody knows how long a string is; encoded images are the long ones.
STRING_BYTES = 16 * 1024


def kind_of(tf: Any, spec: Any) -> str:
    """The kind of a component: dense, ragged, sparse, none, or "" of all others."""
    if isinstance(spec, tf.TensorSpec):
        return "" if spec.dtype in (tf.variant, tf.resource) else "dense"
    if isinstance(spec, tf.RaggedTensorSpec):
        return "ragged"
    if isinstance(spec, tf.SparseTensorSpec):
        return "sparse"
    # TensorFlow has no public name for it.
    return "none" if type(spec).__name__ == "NoneTensorSpec" else ""


def block_records(tf: Any, specs: Sequence[Any]) -> int:
    """How many records with these components cross at once; 0 where their shapes may differ."""
    if not all(kind_of(tf, spec) == "dense" and spec.shape.is_fully_defined() for spec in specs):
        return 0
    sizes: list[int] = [
        math.prod(one.shape) * (STRING_BYTES if one.dtype.name == "string" else one.dtype.size)
        for one in specs
    ]
    return max(1, min(BLOCK_RECORDS, BLOCK_BYTES // max(1, sum(sizes))))


def extents_of(spec: Any) -> list[int | None] | None:
    """The extents of a shape, None for those that are open; None where their number is."""
    return None if spec.shape.rank is None else list(spec.shape)


def parts_of(kind: str, tensor: Any) -> list[Any]:
    """The dense tensors that a component is made of."""
    if kind == "ragged":
        # A row of a ragged tensor of two axes has one axis: a plain tensor, but a ragged spec.
        splits = getattr(tensor, "nested_row_splits", None)
        return [tensor] if splits is None else [tensor.flat_values, *splits]
    if kind == "sparse":
        return [getattr(tensor, name) for name in SPARSE_PARTS]
    return [tensor] if kind == "dense" else []


def part_specs(tf: Any, spec: Any) -> list[tuple[str, Any]]:
    """The name and TensorSpec of each part of a component; a dense one's name is empty."""
    kind = kind_of(tf, spec)
    if kind == "ragged":
        rank, extents = spec.ragged_rank, extents_of(spec)
        if not rank:
            return [("flat_values", tf.TensorSpec(extents, spec.dtype))]
        inner = None if extents is None else [None, *extents[rank + 1 :]]
        # How many rows there are stands in the first splits alone.
        rows = [None if extents is None or extents[0] is None else extents[0] + 1]
        sizes = [rows, *([None] for _ in range(rank - 1))]
        splits = [tf.TensorSpec(size, spec.row_splits_dtype) for size in sizes]
        named = [(f"row_splits.{axis}", one) for axis, one in enumerate(splits)]
        return [("flat_values", tf.TensorSpec(inner, spec.dtype)), *named]
    if kind == "sparse":
        rank = spec.shape.rank
        indices, shape = tf.TensorSpec([None, rank], tf.int64), tf.TensorSpec([rank], tf.int64)
        values = tf.TensorSpec([None], spec.dtype)
        return list(zip(SPARSE_PARTS, (indices, values, shape), strict=True))
    return [("", spec)] if kind == "dense" else []


def joined(tf: Any, spec: Any, parts: Sequence[Any]) -> Any:
    """The tensor of a component, made of its parts; None of one that has none."""
    kind = kind_of(tf, spec)
    if kind == "ragged":
        return _ragged(tf, spec, parts) if spec.ragged_rank else parts[0]
    if kind == "sparse":
        made = tf.SparseTensor(*parts)
        made.set_shape(spec.shape)
        return made
    return parts[0] if kind == "dense" else None


def as_one_row(tf: Any, spec: Any, tensor: Any) -> Any:
    """A component with a first axis of one row, which `unbatch` takes away."""
    kind = kind_of(tf, spec)
    if kind == "sparse":
        row = tf.sparse.expand_dims(tensor, axis=0)
        # TensorFlow forgets the extents that it cannot know of a new axis.
        row.set_shape([1, *spec.shape] if spec.shape.rank is not None else None)
        return row
    if kind == "ragged" and not spec.ragged_rank:
        splits = tf.stack([0, tf.shape(tensor, out_type=spec.row_splits_dtype)[0]])
        return tf.RaggedTensor.from_row_splits(tensor, splits, validate=False)
    return None if kind == "none" else tf.expand_dims(tensor, 0)


def record_of(kind: str, parts: Sequence[Any]) -> Any:
    """The value of a record that keeps the parts of a component."""
    if kind == "ragged" and len(parts) > 1:
        return {"flat_values": parts[0], "row_splits": tuple(parts[1:])}
    if kind == "sparse":
        return dict(zip(SPARSE_PARTS, parts, strict=True))
    return parts[0] if parts else None


def record_parts(kind: str, value: Any, count: int) -> list[Any]:
    """The `count` parts in a record's value, which `record_of` made, or in a tensor of that kind.

    Raises:
        LookupError: it is neither.
    """
    try:
        if not isinstance(value, Mapping):
            parts = parts_of(kind, value)
        elif kind == "ragged":
            parts = [value["flat_values"], *value["row_splits"]]
        else:
            parts = [value[name] for name in SPARSE_PARTS]
    except AttributeError:
        raise LookupError(value) from None
    if len(parts) != count:
        raise LookupError(value)
    return parts


def _ragged(tf: Any, spec: Any, parts: Sequence[Any]) -> Any:
    made, *splits = parts
    extents = extents_of(spec)
    for axis in reversed(range(spec.ragged_rank)):
        length = None if extents is None else extents[axis + 1]
        if length is None:
            made = tf.RaggedTensor.from_row_splits(made, splits[axis], validate=False)
            continue
        # Row splits of equal rows do not tell it: the spec would lose their length.
        rows = tf.shape(splits[axis], out_type=splits[axis].dtype)[0] - 1
        made = tf.RaggedTensor.from_uniform_row_length(made, length, rows, validate=False)
    return made
