"""One shard as an Arrow IPC file: written from raw buffers, opened over mapped bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import BinaryIO, TypeAlias, TypeVar

import msgspec
import numpy as np

from headrace.contracts.blobs import Mapped
from headrace.deferred import pyarrow as pa
from headrace.formats.columns.column import Column
from headrace.formats.manifest.placement import Placement, has_shapes, roles_of
from headrace.formats.schema import dtypes
from headrace.formats.schema.schema import Leaf, Schema, leaves_of
from headrace.formats.schema.sound import check_schema
from headrace.formats.shards.arrow_file import BROKEN, MAGIC, Batch, first_batch

# Under this key an Arrow schema carries ours, so that a shard explains itself.
SCHEMA_KEY = b"headrace"
T = TypeVar("T")
# Those of one leaf; the last one holds its values, or its shapes where it has some, or the note
# that says how its values were compressed.
Buffers: TypeAlias = "list[Mapped | None]"
NO_NOTES: Mapping[str, bytes] = MappingProxyType({})
# Records without a leaf still have a number, and Arrow counts rows by their columns.
EMPTY_COLUMN = "records"
# How many nodes and buffers an Arrow column has: of nothing, of values, of lists of one size, and
# of bytes of any length.
EMPTY, PLAIN, NESTED, OF_BYTES = (1, 0), (1, 2), (2, 3), (1, 3)
TEXT_KINDS = ("str", "numpy str")
# Arrow fills each buffer up to a multiple of this.
WORD_BYTES = 8


def write(
    sink: BinaryIO,
    schema: Schema,
    columns: Sequence[Column],
    *,
    rows: int,
    notes: Mapping[str, bytes] = NO_NOTES,
) -> Placement:
    """Writes one record batch of the columns, their buffers as they are; says where they lie.

    `notes` say how the compressed columns are read, by their names.
    """
    batch = batch_of(schema, columns, rows=rows, notes=notes)
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
        end = sink.tell()
    return _placement(schema, batch, end)


def _placement(schema: Schema, batch: pa.RecordBatch, end: int) -> Placement:
    """Where the buffers lie that end at `end`: one after the other, in whole words."""
    sizes = [[0 if one is None else one.size for one in array.buffers()] for array in batch]
    padded = [-(-size // WORD_BYTES) * WORD_BYTES for row in sizes for size in row]
    begins = iter(np.cumsum([end - sum(padded), *padded]).tolist())
    places = [[(next(begins) * (size > 0), size) for size in row] for row in sizes]
    leaves = leaves_of(schema)
    spans: list[int] = []
    for leaf, own in zip(leaves, _by_leaf(leaves, places), strict=True):
        if leaf.is_compressed:
            own.append(_note_place(batch, leaf))
        has_more = has_shapes(leaf) or leaf.is_compressed
        of_role = {"validity": 0, "offsets": 1, "values": -2 if has_more else -1}
        for role in roles_of(leaf):
            spans += own[of_role.get(role, -1)]
    return Placement(tuple(spans), schema)


def _note_key(column: str) -> bytes:
    return SCHEMA_KEY + b"." + column.encode()


def _note_place(batch: pa.RecordBatch, leaf: Leaf) -> tuple[int, int]:
    """Where a file has the note of a compressed leaf: in its first message."""
    note = batch.schema.metadata[_note_key(leaf.column)]
    return len(MAGIC) + batch.schema.serialize().to_pybytes().index(note), len(note)


def batch_of(
    schema: Schema,
    columns: Sequence[Column],
    *,
    rows: int,
    notes: Mapping[str, bytes] = NO_NOTES,
) -> pa.RecordBatch:
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
    own |= {_note_key(name): note for name, note in notes.items()}
    return pa.record_batch(arrays, schema=pa.schema(fields, metadata=own))


class Damaged(Exception):
    """A shard that is not what was written; the argument says in what."""


def read(mapped: Mapped) -> tuple[Schema, int, list[Buffers]]:
    """The schema, the number of rows, and the buffers of each leaf, shapes last.

    Raises:
        Damaged: the bytes are no shard.
    """
    return unpacked(lambda: first_batch(mapped, start=len(MAGIC)))


def unpacked(opening: Callable[[], Batch]) -> tuple[Schema, int, list[Buffers]]:
    """The same of the record batch that `opening` finds.

    Raises:
        Damaged: it cannot be read, or is none of `batch_of`.
    """
    try:
        batch = opening()
        schema: Schema = msgspec.json.decode(batch.metadata[SCHEMA_KEY], type=Schema)
        check_schema(schema)
        leaves = leaves_of(schema)
        buffers = _by_leaf(leaves, _columns(batch, leaves))
        for leaf, own in zip(leaves, buffers, strict=True):
            if leaf.is_compressed:
                own.append(np.frombuffer(batch.metadata[_note_key(leaf.column)], np.uint8))
        return schema, batch.rows, buffers
    except (*BROKEN, msgspec.DecodeError, RecursionError) as error:
        raise Damaged(f"it is no shard of this format: {error}") from error


def _columns(batch: Batch, leaves: Sequence[Leaf]) -> list[Buffers]:
    """The buffers of each column of the file; a validity that says nothing is None."""
    found: list[Buffers] = []
    node = buffer = 0
    for nodes, buffers in _extents(leaves):
        rows, nulls = batch.nodes[node].tolist()
        if rows != batch.rows:
            raise ValueError(f"a column has {rows} of {batch.rows} rows")
        own: Buffers = [batch.buffer(number) for number in range(buffer, buffer + buffers)]
        if own and not nulls:
            own[0] = None
        found.append(own)
        node += nodes
        buffer += buffers
    if (node, buffer) != (len(batch.nodes), len(batch.buffers)):
        raise ValueError("it has other columns than its schema says")
    return found


def _extents(leaves: Sequence[Leaf]) -> Iterator[tuple[int, int]]:
    """How many nodes and buffers each column of the file has, as `array_of` makes them."""
    for number in file_order(leaves):
        leaf = leaves[number]
        yield _extent(leaf)
        if has_shapes(leaf):
            yield NESTED
    if not leaves:
        yield EMPTY


def _extent(leaf: Leaf) -> tuple[int, int]:
    if leaf.form == "null":
        return EMPTY
    if leaf.form == "bytes":
        return OF_BYTES
    is_fixed = leaf.form == "fixed"
    kind = dtypes.row_type(leaf.numpy, (leaf.shape or ()) if is_fixed else ())
    storage = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    nodes, buffers = NESTED if pa.types.is_fixed_size_list(storage) else PLAIN
    # A list has a validity and offsets over the column of its values.
    return (nodes, buffers) if is_fixed else (nodes + 1, buffers + 2)


def _by_leaf(leaves: Sequence[Leaf], columns: Sequence[Sequence[T]]) -> list[list[T]]:
    """What each column of the file has, leaf by leaf; of shapes only the last."""
    found: list[list[T]] = [[] for _ in leaves]
    at = 0
    for number in file_order(leaves):
        found[number] = list(columns[at])
        at += 1
        if has_shapes(leaves[number]):
            found[number].append(columns[at][-1])
            at += 1
    return found


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
        is_text = leaf.kind in TEXT_KINDS and not leaf.is_compressed
        text = pa.large_string() if is_text else pa.large_binary()
        return pa.Array.from_buffers(text, rows, [validity, offsets, data], nulls)
    value = dtypes.value_type(leaf.numpy)
    child = _raw_array(value, int(ends[-1]) if rows else 0, None, 0, data)
    # Lists of an extension type are more than most readers understand.
    plain = child.storage if isinstance(child, pa.ExtensionArray) else child
    kind = pa.large_list(plain.type)
    return pa.Array.from_buffers(kind, rows, [validity, offsets], nulls, children=[plain])


def buffers_of(column: Column) -> Buffers:
    """The buffers of `array_of`."""
    found = array_of(column).buffers()
    return [np.frombuffer(one, np.uint8) if one and one.size else None for one in found]


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


def unsigned(buffer: Mapped | None) -> Mapped:
    """The bytes of a buffer, not copied; none of a buffer that is left out."""
    return np.empty(0, np.uint8) if buffer is None else buffer
