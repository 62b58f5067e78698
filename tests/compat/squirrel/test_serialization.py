"""MessagePack and JSON in Squirrel's layouts: what either writes, the other reads; no pickle."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.compat.squirrel.written import JSONL, MESSAGEPACK, RECORDS

from headrace.compat.squirrel.serialization import (
    JsonSerializer,
    MessagepackSerializer,
    SquirrelSerializer,
)
from headrace.contracts.errors import (
    ArgumentError,
    IntegrityError,
    PickleRefused,
    RecordError,
)

PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary()
FLOATS = st.floats(allow_nan=False)
# The dtypes that a buffer of Python can show: msgpack_numpy itself fails at others.
ARRAYS = hnp.arrays(
    st.sampled_from(["<i8", ">i4", "<f4", "|u1", "|b1", "<c16", "<U3"]),
    hnp.array_shapes(min_dims=0, min_side=0, max_side=3),
)
VALUES = st.recursive(
    PLAIN | FLOATS | ARRAYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def same(one: Any, other: Any) -> bool:
    """Equal, also in kind and in the dtypes of arrays."""
    if isinstance(one, np.ndarray | np.generic):
        is_alike = type(one) is type(other) and one.dtype == other.dtype
        return is_alike and bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fcM"))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


@given(VALUES)
def test_what_msgpack_numpy_reads_is_what_was_written(value: Any) -> None:
    msgpack, layout = pytest.importorskip("msgpack"), pytest.importorskip("msgpack_numpy")

    theirs = msgpack.unpackb(
        MessagepackSerializer.serialize(value), object_hook=layout.decode, strict_map_key=False
    )

    assert same(theirs, value)


@given(VALUES)
def test_what_msgpack_numpy_writes_is_read(value: Any) -> None:
    msgpack, layout = pytest.importorskip("msgpack"), pytest.importorskip("msgpack_numpy")

    theirs = msgpack.packb(value, use_bin_type=True, default=layout.encode)

    assert same(MessagepackSerializer.deserialize(theirs), value)
    assert MessagepackSerializer.serialize(value) == theirs


@given(st.lists(VALUES, max_size=5))
def test_shards_of_any_records_come_back(records: list[Any]) -> None:
    memory = InMemory()
    MessagepackSerializer.serialize_shard_to_file(records, "a", fs=memory)

    assert same(list(MessagepackSerializer.deserialize_shard_from_file("a", fs=memory)), records)


class InMemory:
    """Files by name, opened as fsspec opens them."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def open(self, path: str, mode: str, compression: str) -> Any:
        from headrace.compat.squirrel.fsspec.pending import Pending

        assert compression == "gzip"
        if mode == "wb":
            return Pending(lambda content: self.content.__setitem__(path, content))
        import io

        return io.BytesIO(self.content[path])


@pytest.mark.parametrize(
    ("serializer", "shard"),
    [(MessagepackSerializer(), MESSAGEPACK), (JsonSerializer(), JSONL)],
    ids=["messagepack", "jsonl"],
)
def test_shards_that_squirrel_wrote_are_read(
    serializer: SquirrelSerializer, shard: bytes, tmp_path: Path
) -> None:
    (tmp_path / "a.gz").write_bytes(shard)

    found = list(serializer.deserialize_shard_from_file(str(tmp_path / "a.gz")))

    assert same(found, RECORDS)


@pytest.mark.parametrize(
    "value",
    [
        np.float32(2.5),
        np.bool_(True),
        np.int64(-7),
        np.complex64(1 + 2j),
        3 + 4j,
        np.array([("a", [1.5, 2])], dtype=[("name", "<U4"), ("at", "<f4", (2,))]),
        np.array(["2026-08-01", "NaT"], dtype="M8[D]"),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.arange(10)[::3],
    ],
    ids=repr,
)
def test_values_of_numpy_keep_their_dtypes_in_messagepack(value: Any) -> None:
    found = MessagepackSerializer.deserialize(MessagepackSerializer.serialize({"x": value}))
    assert same(found, {"x": value})


def test_subclasses_are_kept_as_what_they_are_subclasses_of() -> None:
    record = {"x": np.float64(2.5), "name": np.str_("ten"), "pair": (1, bytearray(b"2"))}
    found = MessagepackSerializer.deserialize(MessagepackSerializer.serialize(record))
    assert same(found, {"x": 2.5, "name": "ten", "pair": [1, b"2"]})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1, 2}, "holds a set, which MessagePack cannot keep"),
        (object(), "holds a object"),
        (np.array([object()]), "an array of dtype object"),
        (np.array([("a", 1)], dtype=[("o", "O"), ("n", "i4")]), "an array of dtype"),
        (np.datetime64("2026-08-01"), "holds a datetime64"),
        (2**64, "cannot be: can't serialize ints"),
        ("\ud800", "surrogates not allowed"),
        ({(1, 2): 3}, "holds a tuple as the key of a dict"),
        ({b"nd": 3}, "a dict with the keys .*read as a value of NumPy"),
    ],
    ids=repr,
)
def test_messagepack_refuses_what_would_not_come_back(value: Any, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        MessagepackSerializer.serialize([value])


def test_a_dtype_that_is_not_numpys_own_is_refused() -> None:
    import ml_dtypes

    with pytest.raises(RecordError, match="an array of dtype bfloat16"):
        MessagepackSerializer.serialize(np.zeros(2, ml_dtypes.bfloat16))


def test_an_extension_of_messagepack_is_given_as_it_is(tmp_path: Path) -> None:
    import msgspec

    extension = msgspec.msgpack.Ext(5, b"ten")
    (tmp_path / "a.gz").write_bytes(gzip.compress(msgspec.msgpack.encode({"x": extension})))

    (found,) = MessagepackSerializer.deserialize_shard_from_file(str(tmp_path / "a.gz"))
    assert (found["x"].code, found["x"].data) == (5, b"ten")


def test_bytes_that_are_no_messagepack_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"\x92\x01"))

    with pytest.raises(IntegrityError, match="a value was to be read as MessagePack"):
        MessagepackSerializer.deserialize(b"\xc1")
    with pytest.raises(IntegrityError, match="a.gz was to be read as MessagePack, and cannot be"):
        MessagepackSerializer.deserialize_shard_from_file(str(tmp_path / "a.gz"))
    with pytest.raises(IntegrityError, match=r"type '<i8' and the shape \[3\], which does not fit"):
        MessagepackSerializer.deserialize(packed_array(shape=[3]))

    with pytest.raises(IntegrityError, match="does not fit its bytes: complex"):
        MessagepackSerializer.deserialize(b"\x82\xc4\x07complex\xc3\xc4\x04data\xa1x")


def packed_array(**parts: Any) -> bytes:
    import msgspec

    plain = {b"nd": True, b"type": "<i8", b"kind": b"", b"shape": [1], b"data": bytes(8)}
    return msgspec.msgpack.encode(plain | {key.encode(): part for key, part in parts.items()})


# -- the rows of the reference ----------------------------------------------------------------


def test_s_b24_arrays_and_floats_of_numpy_go_through_json() -> None:
    record = {
        "pixels": np.arange(4, dtype="<u2").reshape(2, 2),
        "nan": np.array([np.nan, 1.5]),
        "when": np.array(["2026-08-01"], dtype="M8[s]"),
        "none": np.zeros((0, 3)),
        "alone": np.array(5),
    }
    scalars = {"f": np.float32(0.5), "i": np.uint8(7), "b": np.bool_(False), "d": np.float64(2)}

    packed = JsonSerializer.serialize(record | scalars)

    assert json.loads(packed)["pixels"] == {
        "data": [[0, 1], [2, 3]],
        "type": "<u2",
        "shape": [2, 2],
    }
    found = JsonSerializer().deserialize(packed)
    assert same(found, record | {"f": 0.5, "i": 7, "b": False, "d": 2.0})


def test_s_b24_a_hook_gets_the_dicts_of_shards_and_no_arrays(tmp_path: Path) -> None:
    path = str(tmp_path / "a.gz")
    serializer = JsonSerializer(deser_hook=lambda found: sorted(found))
    serializer.serialize_shard_to_file([{"b": 1, "a": np.arange(2)}], path)

    assert list(serializer.deserialize_shard_from_file(path)) == [["a", "b"]]
    assert serializer.deserialize(b'{"x": {"y": 1}}') == ["x"]


@pytest.mark.parametrize(
    "record",
    [
        {"data": [1], "type": "car", "shape": "round"},
        {"data": [1], "type": "<i8", "shape": [2]},
        {"data": [1], "type": "|O", "shape": [1]},
        {"data": [1], "type": "<i8", "shape": [1], "more": 2},
    ],
)
def test_s_b24_a_dict_with_the_keys_of_an_array_stays_a_dict(record: dict[str, Any]) -> None:
    assert JsonSerializer().deserialize(json.dumps(record).encode()) == record


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1}, "JSON has no value for a set"),
        (b"ten", "JSON has no value for a bytes"),
        (np.array([object()]), "JSON has no value for object"),
        (np.complex64(1), "JSON has no value for complex64"),
    ],
    ids=repr,
)
def test_json_refuses_what_would_not_come_back(value: Any, message: str) -> None:
    with pytest.raises(RecordError, match=f"kept as JSON, and cannot be: {message}"):
        JsonSerializer.serialize(value)


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b'{"x": 1}\n\n{"x": \n'))

    lines = JsonSerializer().deserialize_shard_from_file(str(tmp_path / "a.gz"))
    assert next(lines) == {"x": 1}
    with pytest.raises(RecordError, match="a.gz, line 3, is no JSON: .* in '{\"x\": '"):
        next(lines)


def test_s_b25_lists_stay_lists_unless_tuples_are_asked_for(tmp_path: Path) -> None:
    path = str(tmp_path / "a.gz")
    record = {"box": [1, [2, 3]], "x": np.arange(2)}
    MessagepackSerializer.serialize_shard_to_file([record], path)
    read = MessagepackSerializer.deserialize_shard_from_file

    assert same(list(read(path)), [record])
    (as_tuples,) = read(path, unpacker_kwargs={"use_list": False})
    assert as_tuples["box"] == (1, (2, 3))
    with pytest.raises(ArgumentError, match=r"may have use_list alone, got \['raw'\]"):
        read(path, unpacker_kwargs={"raw": True})


@pytest.mark.parametrize("parts", [{"kind": b"O"}, {"type": "|O"}], ids=repr)
def test_s_b25_arrays_of_objects_are_never_unpickled(parts: dict[str, Any]) -> None:
    with pytest.raises(PickleRefused, match="an array of objects, which only pickle can read"):
        MessagepackSerializer.deserialize(packed_array(**parts))
