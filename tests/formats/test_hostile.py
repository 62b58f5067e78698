"""Versions of an adversary: refused, or read as what they are; nothing else ever happens."""

from __future__ import annotations

import io
import json
import pickle
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.hostile import (
    COUNT,
    KEY,
    KINDS,
    RECORDS,
    Version,
    attempt,
    mutant,
    version_of,
    with_bytes_changed,
)
from tests.formats.stand_in import FOLDER, MemoryBlobs, Opaque, all_of, stored

from headrace.contracts.errors import IntegrityError, PickleRefused, RecordError
from headrace.contracts.image import EncodedImage
from headrace.formats import StoredRecords, decode, encode
from headrace.formats.manifest import sound_manifest
from headrace.formats.manifest.manifest import Shard
from headrace.formats.schema.schema import Branch, Leaf
from headrace.formats.shards import arrow_file
from headrace.formats.shards.arrow_file import first_batch
from headrace.formats.shards.shard_file import SCHEMA_KEY, Damaged
from headrace.stores.value import decoded, encoded

# Any, in this file: JSON, and records of every structure.


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_is_read(kind: str) -> None:
    found = attempt(version_of(kind), allow_pickle=True)
    assert found is not None
    assert len(found) == COUNT


@settings(max_examples=400, deadline=None)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 2**63))
def test_changed_versions_are_refused_or_read(kind: str, seed: int) -> None:
    attempt(mutant(kind, seed))


# Manifests


def leaf(**changes: Any) -> dict[str, Any]:
    return {"type": "leaf", "column": "x", "kind": "int", **changes}


def nested(levels: int) -> str:
    begin = '{"type":"branch","kind":"list","children":['
    return begin * levels + json.dumps(leaf()) + "]}" * levels


MANIFEST: dict[str, Any] = {
    "format": 1,
    "dataset": "digits",
    "version": "1.0",
    "schema": leaf(),
    "shards": [{"digest": "0" * 32, "rows": 3, "size_bytes": 500}],
    "meta": {},
}
NO_SUCH_COLUMN = "which nothing is"
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "another place": ({"digest": "../../../../etc/passwd"}, "Expected `str` matching regex"),
    "an absolute path": ({"digest": "/etc/passwd"}, "Expected `str` matching regex"),
    "capitals": ({"digest": "A" * 32}, "Expected `str` matching regex"),
    "a line's end": ({"digest": "0" * 32 + "\n"}, "Expected `str` matching regex"),
    "negative rows": ({"rows": -1}, "Expected `int` >= 0 - at `.*rows"),
    "rows beyond 64 bits": ({"rows": 2**63}, "Expected `int` <= 9223372036854775807 - at `.*rows"),
    "more rows than bytes": ({"rows": 2**40}, "500 bytes cannot hold 1,099,511,627,776 records"),
    "negative bytes": ({"size_bytes": -5}, "Expected `int` >= 0 - at `.*size_bytes"),
    "columns of too many bytes": (
        {"raw_bytes": {"x": 2**63}},
        "Expected `int` <= 9223372036854775807 - at `.*raw_bytes",
    ),
    "a float": ({"rows": 1.5}, "Expected `int`, got `float`"),
    "another name": ({"dataset": "../other"}, "it is of '../other', which is no name"),
    "another parent": ({"parent": "/etc"}, "it is of '/etc', which is no name"),
    "format 0": ({"format": 0}, "Expected `int` >= 1"),
    "no schema": ({"schema": None}, "it has 1 shards, and no schema"),
    "objects": ({"schema": leaf(kind="scalar", dtype="|O")}, NO_SUCH_COLUMN),
    "fields with objects": (
        {"schema": leaf(kind="scalar", dtype=[["a", "|O"], ["b", "<i4"]])},
        NO_SUCH_COLUMN,
    ),
    "another class as a dtype": ({"schema": leaf(kind="scalar", dtype="finfo")}, NO_SUCH_COLUMN),
    "a way to write a dtype that is not ours": (
        {"schema": leaf(kind="scalar", dtype="i4,i4")},
        NO_SUCH_COLUMN,
    ),
    "a dtype of many gigabytes": (
        {"schema": leaf(kind="scalar", dtype="<U1000000000")},
        NO_SUCH_COLUMN,
    ),
    "a dtype without end": (
        {"schema": leaf(kind="scalar", dtype=json.loads('[["a",' * 60 + '"<i4"' + "]]" * 60))},
        NO_SUCH_COLUMN,
    ),
    "extents that overflow": (
        {"schema": leaf(kind="array", dtype="<f4", shape=[2**62, 2**62], ndim=2)},
        NO_SUCH_COLUMN,
    ),
    "extents that overflow beside 0": (
        {"schema": leaf(kind="array", dtype="<f4", shape=[0, 2**62, 2**62], ndim=3)},
        NO_SUCH_COLUMN,
    ),
    "a negative extent": (
        {"schema": leaf(kind="array", dtype="<f4", shape=[-4], ndim=1)},
        NO_SUCH_COLUMN,
    ),
    "axes that are not there": (
        {"schema": leaf(kind="array", dtype="<f4", shape=[4], ndim=3)},
        NO_SUCH_COLUMN,
    ),
    "too many axes": (
        {"schema": leaf(kind="array", dtype="<f4", shape=None, ndim=10**9)},
        NO_SUCH_COLUMN,
    ),
    "lists of what is no number": (
        {"schema": leaf(kind="list", dtype="<i4", ndim=1)},
        NO_SUCH_COLUMN,
    ),
    "an int with a dtype": ({"schema": leaf(dtype="|O")}, NO_SUCH_COLUMN),
    "an unknown kind": ({"schema": leaf(kind="code")}, "Invalid enum value 'code'"),
    "an unknown codec": ({"schema": leaf(kind="str", codec="lzma")}, "has the codec 'lzma'"),
    "a column without a name": ({"schema": leaf(column="")}, "names the column '' twice, or not"),
    "columns of one name": (
        {"schema": {"type": "branch", "kind": "tuple", "children": [leaf(), leaf()]}},
        "names the column 'x' twice",
    ),
    "keys twice": (
        {
            "schema": {
                "type": "branch",
                "kind": "dict",
                "keys": ["a", "a"],
                "children": [leaf(), leaf(column="y")],
            }
        },
        "a dict of 2 has the keys",
    ),
    "fields that Python reads as one": (
        {
            "schema": {
                "type": "branch",
                "kind": "namedtuple",
                "keys": ["fi", "\ufb01"],
                "children": [leaf(), leaf(column="y")],
                "name": "Point",
            }
        },
        "a named tuple has the fields",
    ),
    "keys of a tuple": (
        {"schema": {"type": "branch", "kind": "tuple", "keys": ["a"], "children": [leaf()]}},
        "a tuple has the keys",
    ),
    "a schema that is too deep": ({"schema": json.loads(nested(300))}, "at most 256 levels"),
    "a placement of another schema": (
        {"buffers": {"spans": [0, 1], "schema": leaf(kind="scalar", dtype="|O")}},
        NO_SUCH_COLUMN,
    ),
}


def manifest_with(changes: dict[str, Any]) -> bytes:
    shard = {**MANIFEST["shards"][0]}
    own = {key: changes[key] for key in changes if key in (*shard, "buffers", "raw_bytes")}
    rest = {key: value for key, value in changes.items() if key not in own}
    return json.dumps({**MANIFEST, "shards": [shard | own], **rest}).encode()


def test_the_manifest_that_is_changed_here_is_sound() -> None:
    assert decode(manifest_with({}), key=KEY).rows == 3


@pytest.mark.parametrize(("changes", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_manifest_that_lies_is_refused(changes: dict[str, Any], expected: str) -> None:
    remedy = r"\. Expected what submit wrote; delete the version and submit it again\."
    with pytest.raises(IntegrityError, match=f"^{KEY} is no manifest: .*{expected}.*{remedy}"):
        decode(manifest_with(changes), key=KEY)


def test_a_manifest_without_end_is_refused() -> None:
    payload = manifest_with({}).replace(json.dumps(leaf()).encode(), nested(100_000).encode())
    with pytest.raises(IntegrityError, match="is no manifest: .*recursion"):
        decode(payload, key=KEY)


def test_records_that_together_are_too_many_are_refused() -> None:
    shards = [{"digest": "0" * 32, "rows": 2**62, "size_bytes": 2**62}] * 2
    changes = {"shards": shards, "schema": leaf(kind="none")}
    with pytest.raises(IntegrityError, match="9,223,372,036,854,775,808 records and .* too many"):
        decode(json.dumps({**MANIFEST, **changes}).encode(), key=KEY)


def test_leaves_in_more_shards_than_fit_in_memory_are_refused() -> None:
    children = [leaf(kind="str", column=str(number)) for number in range(7000)]
    schema = {"type": "branch", "kind": "tuple", "children": children}
    shards = [{"digest": "0" * 32, "rows": 1, "size_bytes": 9}] * 10_000
    with pytest.raises(IntegrityError, match="7,000 leaves in 10,000 shards .* by shard_bytes="):
        decode(json.dumps({**MANIFEST, "shards": shards, "schema": schema}).encode(), key=KEY)


def test_a_manifest_that_is_too_large_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_manifest, "LARGEST_BYTES", 1000)
    with pytest.raises(IntegrityError, match="it has 1,001 bytes of at most 1,000: .* need"):
        decode(b"!" * 1001, key=KEY)


def test_a_schema_runs_nothing_to_find_a_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lazy.py").write_text("def __getattr__(name): raise SystemExit(name)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import lazy  # type: ignore[import-not-found]

    assert lazy
    for name in ("Point", "class"):
        held = stored([[(1,)]])
        schema = Branch("namedtuple", (Leaf("0", "int"),), ("x",), "lazy", name)
        manifest = msgspec.structs.replace(held.manifest, schema=schema)
        assert len(StoredRecords(MemoryBlobs(), manifest, folder=FOLDER)) == 1


def called(levels: int, call: Callable[[], Any]) -> Any:
    """What a call gives whose caller is so much deeper in the stack."""
    return called(levels - 1, call) if levels else call()


@pytest.mark.parametrize("levels", [0, 200])
def test_a_record_deeper_than_can_be_read_is_not_written(levels: int) -> None:
    record: Any = 1
    for _ in range(256):
        record = {"a": record}
    assert called(levels, lambda: all_of(stored([[record]]))) == [record]
    for more in (1, 100, 400):
        for _ in range(more):
            record = {"a": record}
        with pytest.raises(RecordError, match="record 0 holds containers .* more than 256 deep"):
            called(levels, partial(stored, [[record]]))


@pytest.mark.parametrize("kind", [dict, list])
def test_a_record_that_holds_itself_is_not_written(kind: type[Any]) -> None:
    record = kind()
    if isinstance(record, dict):
        record |= {"a": record, "b": record}
    else:
        record += [record, (record,)]
    with pytest.raises(RecordError, match="record 0 holds containers .* more than 256 deep"):
        stored([[record]])


# Shards


class Held:
    """One shard of a version, to be changed."""

    def __init__(self, records: list[Any], **options: Any) -> None:
        self.blobs = MemoryBlobs()
        self.records = stored([records], self.blobs, **options)
        (self.key,) = self.blobs.held
        self.batch = first_batch(np.frombuffer(self.payload, np.uint8), start=8)
        self.body = self.payload.index(self.batch.body.tobytes())

    @property
    def payload(self) -> bytes:
        return self.blobs.held[self.key]

    def put(self, buffer: int, at: int, content: bytes) -> None:
        """Overwrites bytes of one of the buffers, counted as in the file."""
        start = self.body + int(self.batch.buffers[buffer, 0]) + at
        self.put_at(start, content)

    def put_at(self, start: int, content: bytes) -> None:
        whole = self.payload
        self.blobs.held[self.key] = whole[:start] + content + whole[start + len(content) :]

    def replace(self, old: bytes, new: bytes, *, count: int = -1) -> None:
        assert old in self.payload
        self.blobs.held[self.key] = self.payload.replace(old, new, count)

    def read(self, indices: list[int], **options: Any) -> list[Any]:
        shard = self.records.manifest.shards[0]
        own = Shard(shard.digest, shard.rows, len(self.payload))
        manifest = msgspec.structs.replace(self.records.manifest, shards=(own,))
        again = decode(encode(manifest), key=KEY)
        held = StoredRecords(self.blobs, again, folder=FOLDER, **options)
        return held.read(np.array(indices)).rows()


def int64(*numbers: int) -> bytes:
    return np.array(numbers, np.int64).tobytes()


@pytest.mark.parametrize("offset", [-1, -(2**63), 2**40, 2**63 - 1, 1], ids=hex)
@pytest.mark.parametrize("value", ["x" * 9, b"x" * 9, [1, 2], np.arange(3)], ids=repr)
def test_offsets_that_lie_are_not_followed(value: Any, offset: int) -> None:
    # Of different shapes, so that arrays are not of fixed size.
    held = Held([value, value, value[:1], value])
    held.put(1, 8, int64(offset, max(offset - 1, -(2**63))))
    with pytest.raises(IntegrityError, match="an offset points behind the end of its column"):
        held.read([1])
    assert len(held.read([3])) == 1


@pytest.mark.parametrize("shape", [(-1, 6), (-2, -3), (2**32, 2**32), (7, 1), (2**62, 4)], ids=repr)
def test_shapes_that_lie_are_not_believed(shape: tuple[int, int]) -> None:
    held = Held([np.zeros((2, 3)), np.zeros((3, 2)), np.zeros((0, 0))])
    held.put(len(held.batch.buffers) - 1, 0, int64(*shape, *shape, *shape))
    for index in range(3):
        with pytest.raises(IntegrityError, match="the shape of an array is n"):
            held.read([index])


@pytest.mark.parametrize(
    ("value", "content", "expected"),
    [
        ("abc", b"a\xffc", "'utf-8' codec can't decode"),
        (np.str_("abc"), b"a\xffc", "'utf-8' codec can't decode"),
        ([1, "a"], b"\x94\x01\xa1a", "truncated"),
        ([1, "a"], b"\x91\xd4\x05a", "a list holds an extension of type 5"),
        ([1, "a"], b"\x81\xa1bc", "Expected `array`, got `object`"),
    ],
)
def test_values_that_are_none_are_refused(value: Any, content: bytes, expected: str) -> None:
    # Of different lengths, so that a list is one leaf.
    shorter = type(value)(value[:1])
    held = Held([value, shorter])
    held.put(2, 0, content)
    with pytest.raises(IntegrityError, match=f"digits@1.0 is damaged: .*{expected}"):
        held.read([0])
    assert held.read([1]) == [shorter]


def test_a_list_without_end_is_refused() -> None:
    held = Held([[1, "a" * 100_000], []])
    held.put(2, 0, b"\x91" * 100_000)
    with pytest.raises(IntegrityError, match="is damaged: a list is nested too deep"):
        held.read([0])


@pytest.mark.parametrize(
    ("array", "content", "expected"),
    [
        (np.array([True, False]), b"\x02", "a bool is neither true nor false"),
        (np.array(["ab", "cd"]), b"\0\0\x11\0", "a character is none of Unicode"),
        (np.array(["ab", "cd"], ">U2"), b"\0\x11\0\0", "a character is none of Unicode"),
    ],
)
def test_bytes_that_numpy_must_not_see_are_refused(
    array: Any, content: bytes, expected: str
) -> None:
    fixed, ragged = Held([array, array]), Held([array, array[:1]])
    for held in (fixed, ragged):
        start = held.payload.index(array.tobytes(), held.body)
        held.put_at(start, content)
        with pytest.raises(IntegrityError, match=expected):
            held.read([0])


def test_a_validity_that_is_too_short_is_refused() -> None:
    held = Held([None if number % 2 else number for number in range(64)])
    start = held.payload.index(int64(0, 8)[:8] + int64(8))
    held.put_at(start + 8, int64(2))
    with pytest.raises(IntegrityError, match="a column has 2 of 8 bytes"):
        held.read([0])


def message_of(held: Held, number: int) -> tuple[int, arrow_file.Table]:
    """Where the bytes of a message begin, and its table."""
    at = 8
    for _ in range(number):
        size = struct.unpack_from("<I", held.payload, at + 4)[0]
        at += 8 + size
    size = struct.unpack_from("<I", held.payload, at + 4)[0]
    view = memoryview(held.payload)[at + 8 : at + 8 + size]
    return at + 8, arrow_file.Table(view, struct.unpack_from("<I", view)[0])


def test_numbers_in_another_order_of_bytes_are_refused() -> None:
    held = Held([1, 2])
    start, message = message_of(held, 0)
    schema = message.table(arrow_file.HEADER)
    # Little-endian is left out, so that the place of another field, which is not 0, is given.
    vtable = schema.at - schema.read("i", schema.at)
    other = schema.place(arrow_file.CUSTOM_METADATA) - schema.at
    held.put_at(start + vtable + 4, struct.pack("<H", other))
    with pytest.raises(IntegrityError, match="its numbers are big-endian"):
        held.read([1])


def test_metadata_that_lie_in_each_other_are_refused() -> None:
    """A thousand pairs of one text of a megabyte would be a gigabyte."""
    metadata = {"big": "x" * 10_000, **{f"key {number}": "" for number in range(50)}}
    schema = pa.schema([pa.field("a", pa.null())], metadata=metadata)
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.record_batch([pa.nulls(1)], schema=schema))
    payload = bytearray(sink.getvalue())
    found = first_batch(np.frombuffer(payload, np.uint8), start=8).metadata
    assert found == {key.encode(): text.encode() for key, text in metadata.items()}
    size = struct.unpack_from("<I", payload, 12)[0]
    view = memoryview(payload)[16 : 16 + size]
    header = arrow_file.Table(view, struct.unpack_from("<I", view)[0]).table(arrow_file.HEADER)
    places = [pair.place(arrow_file.VALUE) for pair in header.tables(arrow_file.CUSTOM_METADATA)]
    big = places[0] + header.read("I", places[0])
    for place in places[1:]:
        struct.pack_into("<I", payload, 16 + place, big - place)
    with pytest.raises(ValueError, match="parts of its metadata lie in each other"):
        first_batch(np.frombuffer(payload, np.uint8), start=8)


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_compressed_buffers_are_refused_before_they_are_opened(codec: str) -> None:
    held = Held([bytes(10_000), b""])
    table = pa.ipc.open_file(pa.py_buffer(held.payload))
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=codec)
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_batch(table.get_batch(0))
    held.blobs.held[held.key] = sink.getvalue()
    with pytest.raises(IntegrityError, match="its buffers are compressed"):
        held.read([0])


@pytest.mark.parametrize("rows", [-1, 0, 1, 2**40])
def test_rows_that_are_not_there_are_not_believed(rows: int) -> None:
    held = Held([None, None])
    start, message = message_of(held, 1)
    batch = message.table(arrow_file.HEADER)
    held.put_at(start + batch.place(arrow_file.ROWS), int64(rows))
    with pytest.raises(IntegrityError, match="a column has 2 of|records"):
        held.read([0])


def test_none_of_absurd_length_takes_no_memory() -> None:
    schema = Leaf("value", "int", nullable=True)
    held = Held([None, None])
    start, message = message_of(held, 1)
    batch = message.table(arrow_file.HEADER)
    rows = 2**40
    held.put_at(start + batch.place(arrow_file.ROWS), int64(rows))
    nodes = batch.structs(arrow_file.NODES)
    assert nodes.tolist() == [[2, 2]]
    held.replace(nodes.tobytes(), int64(rows, rows), count=1)
    shard = Shard("0" * 32, rows, len(held.payload))
    key = f"{FOLDER}/{'0' * 32}.arrow"
    held.blobs.held[key] = held.payload
    known = msgspec.structs.replace(held.records.manifest, shards=(shard,))
    last = StoredRecords(held.blobs, known, folder=FOLDER).read(np.array([rows - 1]))
    assert last.rows() == [None]
    wider = msgspec.structs.replace(known, schema=schema)
    with pytest.raises(IntegrityError, match="1,099,511,627,776 records without a value"):
        StoredRecords(held.blobs, wider, folder=FOLDER).read(np.array([5]))


@pytest.mark.parametrize("old", ["bytes", "pickle"])
def test_a_shard_and_its_manifest_agree_about_pickles(old: str) -> None:
    """Neither alone makes bytes a pickle, also where pickles are allowed."""
    made = Opaque(3) if old == "pickle" else pickle.dumps(Opaque(3))
    new = "bytes" if old == "pickle" else "pickle"
    held = Held([made], allow_pickle=True)
    kinds = f'"kind":"{old}"'.encode(), f'"kind":"{new}"'.encode()
    lying = msgspec.structs.replace(held.records.manifest, schema=Leaf("value", new))  # type: ignore[arg-type]
    if new == "pickle":
        with pytest.raises(PickleRefused):
            StoredRecords(held.blobs, lying, folder=FOLDER)
    wrong = StoredRecords(held.blobs, lying, folder=FOLDER, allow_pickle=True)
    with pytest.raises(IntegrityError, match="pickle"):
        wrong.read(np.array([0]))
    schema = held.batch.metadata[SCHEMA_KEY]
    changed = schema.replace(*kinds)
    # Of the same length, so that nothing else moves.
    is_longer = len(changed) > len(schema)
    changed = changed.replace(b'"value"', b'"valu"') if is_longer else changed + b" "
    held.replace(schema, changed)
    with pytest.raises(IntegrityError, match="pickle"):
        held.read([0], allow_pickle=True)


def test_a_note_that_is_no_text_is_refused() -> None:
    pytest.importorskip("zstandard")
    version = version_of("compressed")
    shards = {
        key: payload.replace(b'"raw_bytes"', b'"raw\xffbytes"')
        for key, payload in version.shards.items()
    }
    assert shards != version.shards
    assert attempt(Version(version.manifest, shards)) is None


def test_a_pickle_that_is_cut_is_an_integrity_error() -> None:
    held = Held([Opaque(3)], allow_pickle=True)
    held.put(2, 0, b"\x80\x04\x95" + bytes(20))
    with pytest.raises(IntegrityError, match="a pickled value is cut or changed"):
        held.read([0], allow_pickle=True)


@pytest.mark.filterwarnings("ignore:.*decompression bomb")
def test_an_image_of_too_many_pixels_is_refused() -> None:
    image = pytest.importorskip("PIL.Image")
    sink = io.BytesIO()
    image.new("1", (20_000, 20_000)).save(sink, "PNG")
    assert len(sink.getvalue()) < 10**6
    blobs = MemoryBlobs()
    encoded = EncodedImage(sink.getvalue())
    held = stored([[{"image": encoded}]], blobs)
    with pytest.raises(RecordError, match="400000000 pixels"):
        held.read(np.array([0]))


def test_a_version_of_nothing_is_empty() -> None:
    payload = json.dumps({**MANIFEST, "schema": None, "shards": []}).encode()
    assert attempt(Version(payload, {})) == []


# Values of stores


def value_of(stream: bytes) -> Any:
    """What a store gives for these bytes, whose checksum is right."""
    return decoded(stream + xxhash.xxh3_128_digest(stream))


def test_a_store_unpickles_nothing() -> None:
    held = Held([pickle.dumps("of a stranger")])
    stream = encoded(held.records.read(np.array([0])).rows()[0])[:-16]
    schema = first_batch(np.frombuffer(stream, np.uint8), start=0).metadata[SCHEMA_KEY]
    changed = schema.replace(b'"kind":"bytes"', b'"kind":"pickle"')
    # One byte longer: the name of the column is given up for it.
    changed = changed.replace(b'"column":"value"', b'"column":"valu"')
    assert len(changed) == len(schema)
    with pytest.raises(Damaged, match="it holds pickles"):
        value_of(stream.replace(schema, changed))


def test_a_value_of_absurdly_many_records_takes_no_memory() -> None:
    stream = encoded([None, None])[:-16]
    assert value_of(stream) == [None, None]
    rows = first_batch(np.frombuffer(stream, np.uint8), start=0).nodes.tobytes()
    start = stream.index(rows)
    # The number of the batch, and that of its one column, both of which are 2.
    changed = stream[:start].replace(int64(2), int64(2**40)) + int64(2**40, 2**40)
    with pytest.raises(Damaged, match="it claims to have 1,099,511,627,776 records"):
        value_of(changed + stream[len(changed) :])


@settings(max_examples=300, deadline=None)
@given(kind=st.sampled_from(KINDS[:6]), seed=st.integers(0, 2**63))
def test_changed_values_are_refused_or_read(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    stream = encoded([RECORDS[kind](number) for number in range(3)])[:-16]
    with suppress(Damaged):
        repr(value_of(with_bytes_changed(stream, rng, changes=1 + seed % 3)))


def test_changes_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the checks of schemas the same changes end in something else than a refusal."""
    for name in ("headrace.formats.manifest.sound_manifest", "headrace.formats.shards.shard_file"):
        monkeypatch.setattr(f"{name}.check_schema", lambda schema: None)
    mutants = (mutant(kind, seed) for seed in range(2000) for kind in ("arrays", "nested"))
    with pytest.raises((LookupError, TypeError, ValueError)):
        list(map(attempt, mutants))
