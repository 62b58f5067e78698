"""One value as bytes: an Arrow IPC stream of its records, and behind it a digest of that."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import xxhash

from headrace.contracts.block import Columns
from headrace.contracts.errors import RecordError
from headrace.deferred import pyarrow as pa
from headrace.formats.columns.column import Column
from headrace.formats.reading.readers import reader_of
from headrace.formats.schema.infer import PICKLE_REMEDY, Unstorable, schema_of
from headrace.formats.schema.lists import DEEPEST
from headrace.formats.schema.merge import merged_schema
from headrace.formats.schema.schema import Schema, layout_of, leaves_of
from headrace.formats.schema.tensors import without_tensors
from headrace.formats.schema.transpose import transposed
from headrace.formats.schema.unfit import Unfit
from headrace.formats.shards import shard_file
from headrace.formats.shards.arrow_file import BROKEN, Batch, first_batch
from headrace.formats.shards.parts import Part, parts_of
from headrace.formats.shards.shard_file import Damaged
from headrace.formats.shards.spans import Places

# Any, in this file: values are the user's, of every type.

# Readers of Arrow stop at the end of the stream, so that any of them opens the file.
DIGEST_BYTES = 16
# Records that take less than a byte each, such as None: more than these are nobody's list.
MOST_EMPTY = 2**26
# Under this key the Arrow schema says whether the value is the one record or the list of all.
VALUE_KEY = b"headrace.value"
ONE, MANY = b"record", b"records"
NO_PICKLE = "Keep numbers, text, bytes, arrays or images; a hr.MemoryStore holds anything."


def encoded(value: Any) -> bytes:
    """A record, or a list of records, as bytes.

    Raises:
        RecordError: it holds what only pickle could keep.
    """
    batch = _batch_of(value)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    sink.write(xxhash.xxh3_128_digest(sink.getbuffer()))
    return sink.getvalue()


def decoded(payload: bytes) -> Any:
    """What `encoded` was given; its arrays are read-only views of the bytes.

    Raises:
        Damaged: the bytes are not what was written.
    """
    view = memoryview(payload)
    stream, digest = view[:-DIGEST_BYTES], bytes(view[-DIGEST_BYTES:])
    if xxhash.xxh3_128_digest(stream) != digest:
        raise Damaged("its checksum differs")
    try:
        batch = first_batch(np.frombuffer(stream, np.uint8), start=0)
        records = _rows(batch, most=max(len(stream), MOST_EMPTY))
        return records[0] if batch.metadata.get(VALUE_KEY) == ONE else records
    except (*BROKEN, msgspec.DecodeError) as error:
        raise Damaged(f"it is no value of this format: {error}") from error


def _rows(batch: Batch, *, most: int) -> list[Any]:
    schema, count, buffers = shard_file.unpacked(lambda: batch)
    leaves = leaves_of(schema)
    if any(leaf.kind == "pickle" for leaf in leaves):
        # None was ever written here, and reading one can run any code.
        raise Damaged("it holds pickles")
    if not 0 <= count <= most:
        raise Damaged(f"it claims to have {count:,} records")
    readers = [reader_of(leaf, 1, as_views=False) for leaf in leaves]
    for reader, part in zip(readers, parts_of(schema, Part(schema, count, buffers)), strict=True):
        reader.add(0, part)
    places = Places(0, np.arange(count), slice(0, count))
    return Columns(layout_of(schema), [reader.read(places) for reader in readers], count).rows()


def _batch_of(value: Any) -> pa.RecordBatch:
    if type(value) is list and value:
        # A list whose members have no structure in common may still be one record.
        with suppress(Unfit, Unstorable):
            return _batch(value, MANY)
    try:
        return _batch([value], ONE)
    except Unstorable as error:
        what, remedy = error.args
        remedy = NO_PICKLE if remedy == PICKLE_REMEDY else remedy
        raise RecordError(f"a value for a store holds {what}. {remedy}") from error.__cause__
    except Unfit as error:
        raise RecordError(
            f"a value for a store holds a list that cannot be kept: it has more than {DEEPEST} "
            "levels, or a key that UTF-8 cannot hold. Keep it as text, or as bytes."
        ) from error


def _batch(records: list[Any], kind: bytes) -> pa.RecordBatch:
    """The records as rows. Raises Unfit where they differ, Unstorable where they cannot be kept."""
    plain = without_tensors(records)
    schema = schema_of(plain[0], allow_pickle=False)
    try:
        columns = _columns(schema, plain)
    except Unfit:
        schema = _widest(schema, plain)
        columns = _columns(schema, plain)
    batch = shard_file.batch_of(schema, columns, rows=len(plain))
    return batch.replace_schema_metadata({**batch.schema.metadata, VALUE_KEY: kind})


def _columns(schema: Schema, records: Sequence[Any]) -> list[Column]:
    columns = []
    for leaf, values in zip(leaves_of(schema), transposed(schema, records), strict=True):
        column = Column(leaf)
        column.put(values)
        column.commit()
        columns.append(column)
    return columns


def _widest(schema: Schema, records: Sequence[Any]) -> Schema:
    """The schema that holds all records. Raises Unfit where there is none."""
    for record in records:
        wider = merged_schema(schema, schema_of(record, allow_pickle=False))
        if wider is None:
            raise Unfit
        schema = wider
    return schema
