"""One shard as an Arrow IPC file: written from raw buffers, opened over mapped bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import BinaryIO, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from headrace.contracts.blobs import Mapped
from headrace.deferred import pyarrow as pa
from headrace.formats import dtypes
from headrace.formats.column import Column
from headrace.formats.schema import Leaf, Schema, leaves_of

# Under this key an Arrow schema carries ours, so that a shard explains itself.
SCHEMA_KEY = b"headrace"
# Those of one leaf; the last one holds its values, or its shapes where it has some.
Buffers: TypeAlias = "list[pa.Buffer | None]"
# Records without a leaf still have a number, and Arrow counts rows by their columns.
EMPTY_COLUMN = "records"
# What reading broken bytes raises beside pyarrow's own errors.
_BROKEN = (LookupError, OSError, TypeError, ValueError)
TEXT_KINDS = ("str", "numpy str")


def write(sink: BinaryIO, schema: Schema, columns: Sequence[Column], *, rows: int) -> None:
    """Writes one record batch of the columns, their buffers as they are."""
    batch = batch_of(schema, columns, rows=rows)
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)


def batch_of(schema: Schema, columns: Sequence[Column], *, rows: int) -> pa.RecordBatch:
    """The columns as a record batch that carries our schema."""
    names, arrays = [], []
    for column in _in_file_order(columns):
        name = column.leaf.column
        names.append(name)
        arrays.append(array_of(column))
        if has_shapes(column.leaf):
            names.append(_shape_name(name, [other.leaf.column for other in columns]))
            arrays.append(_shapes(column))
    if not arrays:
        names, arrays = [EMPTY_COLUMN], [pa.nulls(rows)]
    fields = [pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)]
    own = {SCHEMA_KEY: msgspec.json.encode(schema)}
    return pa.record_batch(arrays, schema=pa.schema(fields, metadata=own))


class Damaged(Exception):
    """A shard that is not what was written; the argument says in what."""


def read(mapped: Mapped) -> tuple[Schema, int, list[Buffers]]:
    """The schema, the number of rows, and the buffers of each leaf, shapes last.

    Raises:
        Damaged: the bytes are no shard.
    """
    return unpacked(lambda: pa.ipc.open_file(pa.py_buffer(mapped)).get_batch(0))


def unpacked(opening: Callable[[], pa.RecordBatch]) -> tuple[Schema, int, list[Buffers]]:
    """The same of the record batch that `opening` reads.

    Raises:
        Damaged: it cannot be read, or is none of `batch_of`.
    """
    try:
        return _unpacked(opening())
    except (pa.ArrowException, msgspec.DecodeError, *_BROKEN) as error:
        raise Damaged(f"it is no shard of this format: {error}") from error


def _unpacked(batch: pa.RecordBatch) -> tuple[Schema, int, list[Buffers]]:
    schema: Schema = msgspec.json.decode(batch.schema.metadata[SCHEMA_KEY], type=Schema)
    leaves = leaves_of(schema)
    buffers: list[Buffers] = [[] for _ in leaves]
    at = 0
    for number in file_order(leaves):
        buffers[number] = list(batch.column(at).buffers())
        at += 1
        if has_shapes(leaves[number]):
            buffers[number].append(batch.column(at).buffers()[-1])
            at += 1
    return schema, batch.num_rows, buffers


def has_shapes(leaf: Leaf) -> bool:
    """Whether the arrays of the leaf have a second column for their shapes."""
    return leaf.form == "ragged" and leaf.ndim > 1


def file_order(leaves: Sequence[Leaf]) -> list[int]:
    """The numbers of the leaves as they follow in the file: the widest of fixed size first.

    So it begins at the same offset in all shards, and its rows in all mapped shards lie a
    multiple of a power of two apart, which is what one gather across shards is fast on.
    """
    widths = [leaf.row_bytes if leaf.form == "fixed" else 0 for leaf in leaves]
    numbers = list(range(len(leaves)))
    if any(widths):
        first = widths.index(max(widths))
        numbers.remove(first)
        numbers.insert(0, first)
    return numbers


def _in_file_order(columns: Sequence[Column]) -> list[Column]:
    return [columns[at] for at in file_order([column.leaf for column in columns])]


def array_of(column: Column) -> pa.Array:
    """The rows of a column as Arrow has them, not copied."""
    leaf, rows = column.leaf, column.rows
    if leaf.form == "null":
        return pa.nulls(rows)
    validity, nulls = _validity(column)
    data = pa.py_buffer(column.data.filled)
    if leaf.form == "fixed":
        kind = dtypes.row_type(leaf.numpy, leaf.shape or ())
        return _raw_array(kind, rows, validity, nulls, data)
    ends = column.ends.filled
    offsets = pa.py_buffer(np.concatenate((np.zeros(1, np.int64), ends)))
    if leaf.form == "bytes":
        text = pa.large_string() if leaf.kind in TEXT_KINDS else pa.large_binary()
        return pa.Array.from_buffers(text, rows, [validity, offsets, data], nulls)
    value = dtypes.value_type(leaf.numpy)
    child = _raw_array(value, int(ends[-1]) if rows else 0, None, 0, data)
    # Lists of an extension type are more than most readers understand.
    plain = child.storage if isinstance(child, pa.ExtensionArray) else child
    kind = pa.large_list(plain.type)
    return pa.Array.from_buffers(kind, rows, [validity, offsets], nulls, children=[plain])


def _raw_array(
    kind: pa.DataType, rows: int, validity: pa.Buffer | None, nulls: int, data: pa.Buffer
) -> pa.Array:
    """An array of nested fixed-size types over the one buffer that they come down to."""
    if isinstance(kind, pa.BaseExtensionType):
        storage = _raw_array(kind.storage_type, rows, validity, nulls, data)
        return pa.ExtensionArray.from_storage(kind, storage)
    if pa.types.is_fixed_size_list(kind):
        child = _raw_array(kind.value_type, rows * kind.list_size, None, 0, data)
        return pa.Array.from_buffers(kind, rows, [validity], nulls, children=[child])
    return pa.Array.from_buffers(kind, rows, [validity, data], nulls)


def _validity(column: Column) -> tuple[pa.Buffer | None, int]:
    flags = column.flags.filled
    if not column.leaf.nullable or flags.all():
        return None, 0
    return pa.py_buffer(np.packbits(flags, bitorder="little")), int((~flags).sum())


def _shapes(column: Column) -> pa.Array:
    kind = pa.list_(pa.int64(), column.leaf.ndim)
    return _raw_array(kind, column.rows, None, 0, pa.py_buffer(column.shapes.filled))


def _shape_name(name: str, taken: Sequence[str]) -> str:
    shapes = f"{name}.shape"
    while shapes in taken:
        shapes += "#"
    return shapes


def unsigned(buffer: pa.Buffer | None) -> npt.NDArray[np.uint8]:
    """The bytes of a buffer, not copied; none of a buffer that is left out."""
    if buffer is None or not buffer.size:
        return np.empty(0, np.uint8)
    return np.frombuffer(buffer, np.uint8)
