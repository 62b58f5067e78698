"""TFRecord files that TensorFlow wrote are read without it, and damage is found."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, IntegrityError, RecordError
from headrace.parsing.crc32c import crc32c

RECORDS = [b"", b"ten", bytes(300), np.random.default_rng(1).bytes(100_000)]


def masked(content: bytes) -> bytes:
    checksum = crc32c(content)
    turned = (checksum >> 15 | checksum << 17) + 0xA282EAD8 & 0xFFFFFFFF
    return struct.pack("<I", turned)


def framed(*records: bytes) -> bytes:
    heads = [struct.pack("<Q", len(record)) for record in records]
    return b"".join(
        head + masked(head) + record + masked(record)
        for head, record in zip(heads, records, strict=True)
    )


def by_tensorflow(path: Path, records: list[bytes], compression: str = "") -> Path:
    tf = pytest.importorskip("tensorflow")
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for record in records:
            writer.write(record)
    return path


def example(**features: Any) -> bytes:
    tf = pytest.importorskip("tensorflow")
    kinds = {
        "i": lambda values: tf.train.Feature(int64_list=tf.train.Int64List(value=values)),
        "f": lambda values: tf.train.Feature(float_list=tf.train.FloatList(value=values)),
        "b": lambda values: tf.train.Feature(bytes_list=tf.train.BytesList(value=values)),
        "n": lambda values: tf.train.Feature(),
    }
    made = {name: kinds[name[0]](values) for name, values in features.items()}
    found: bytes = tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString()
    return found


def parsed(content: Any, features: Any = None, **options: Any) -> list[Any]:
    return list(hr.parse.tfrecord(features, **options)(content))


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_files_of_tensorflow_give_their_bytes(tmp_path: Path, compression: str) -> None:
    name = "a.tfrecord.gz" if compression else "a.tfrecord"
    path = by_tensorflow(tmp_path / name, RECORDS, compression)
    files = hr.from_files([path]).open()
    assert files.flat_map(hr.parse.tfrecord()).collect() == RECORDS
    assert path.read_bytes() == framed(*RECORDS) or compression


def test_a_compressed_file_of_any_name_is_read_behind_decompress(tmp_path: Path) -> None:
    path = by_tensorflow(tmp_path / "a-00000-of-00001", RECORDS, "GZIP")
    files = hr.stream([path]).open()
    with pytest.raises(IntegrityError, match=r"it is no TFRecord file.*hr\.parse\.decompress"):
        files.flat_map(hr.parse.tfrecord()).collect()
    decompressed = files.map(hr.parse.decompress())
    assert decompressed.flat_map(hr.parse.tfrecord()).collect() == RECORDS


def test_values_are_those_that_tensorflow_parses() -> None:
    tf = pytest.importorskip("tensorflow")
    rng = np.random.default_rng(2)
    longs = [*rng.integers(-(2**63), 2**63, 500).tolist(), 0, -1, 127, 128, 2**63 - 1]
    floats = [*rng.normal(size=100).astype(np.float32).tolist(), float("inf"), -0.0]
    content = example(i=longs, f=floats, b=[b"", b"\xff\0"], i_none=[], n=[], i_small=[1, 2])

    (record,) = parsed(framed(content), "all")

    reference = tf.train.Example.FromString(content).features.feature
    assert record["i"].tolist() == list(reference["i"].int64_list.value) == longs
    np.testing.assert_array_equal(record["f"], np.array(reference["f"].float_list.value, "f4"))
    assert (record["i"].dtype, record["f"].dtype) == (np.int64, np.float32)
    assert record["b"] == [b"", b"\xff\0"]
    assert (record["i_none"].tolist(), record["n"]) == ([], None)
    assert sorted(record) == ["b", "f", "i", "i_none", "i_small", "n"]


def test_numbers_that_are_not_packed_are_read_too() -> None:
    # Feature in an entry in Features in an Example; 0x18 and 0x0d are single numbers of each list.
    def message(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    ints = message(3, b"\x08\x96\x01\x08\x05")
    floats = message(2, b"\x0d" + struct.pack("<f", 1.5) + b"\x0d" + struct.pack("<f", -2))
    entries = [message(1, message(1, b"i") + message(2, ints))]
    entries.append(message(1, message(1, b"f") + message(2, floats)))
    content = message(1, b"".join(entries))

    (record,) = parsed(framed(content), "all")

    assert (record["i"].tolist(), record["f"].tolist()) == ([150, 5], [1.5, -2.0])


def test_types_say_what_is_one_value() -> None:
    content = example(i=[7], f=[0.5], b=["ä".encode()], i_more=[1, 2], b_more=[b"x", b"y"])
    features = {"i": int, "f": float, "b": str, "i_more": list[int], "b_more": list[str]}
    (record,) = parsed(framed(content), {**features, "f_none": list[float]})
    assert (record["i_more"].tolist(), record["f_none"].dtype) == ([1, 2], np.float32)
    del record["i_more"], record["f_none"]
    assert record == {"i": 7, "f": 0.5, "b": "ä", "b_more": ["x", "y"]}
    assert [type(record[name]) for name in "if"] == [int, float]
    assert parsed(framed(content), ["b"]) == [{"b": ["ä".encode()]}]


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        ({"l": int}, r"no feature 'l', but b, i\. Take"),
        ({"i": int}, "'i' holds 2 values, not one"),
        ({"i": bytes}, "'i' holds int64, not bytes"),
        ({"b": str}, "can't decode byte 0xff"),
        (["x"], "no feature 'x'"),
    ],
    ids=["missing", "two", "kind", "text", "name"],
)
def test_a_record_with_other_features_is_named_or_left_out(features: Any, reason: str) -> None:
    bad = example(i=[1, 2], b=[b"\xff"])
    with pytest.raises(RecordError, match=rf"^in memory.* record 1 cannot be parsed: .*{reason}"):
        parsed({"path": "in memory", "bytes": framed(bad)}, features)
    assert parsed(framed(bad), features, on_error="skip") == []


@pytest.mark.parametrize(
    "content", [b"\x0a", b"\x0a\x05abc", b"\x0b", b"\x08\x01", b"\xff" * 11], ids=repr
)
def test_what_is_no_example_is_refused(content: bytes) -> None:
    with pytest.raises(RecordError, match=r"record 2 cannot be parsed: .*Take its bytes with"):
        parsed(framed(b"", content), "all")


def test_a_file_that_is_cut_anywhere_is_refused_behind_its_whole_records() -> None:
    whole = framed(b"one", b"two")
    for stop in range(1, len(whole)):
        if stop == len(whole) // 2:
            continue
        found: list[bytes] = []
        number = 1 if stop < len(whole) // 2 else 2
        with pytest.raises(IntegrityError, match=rf"is cut off in record {number}\. Write it anew"):
            found.extend(hr.parse.tfrecord()(whole[:stop]))
        assert found == [b"one"][: number - 1]


def test_a_flipped_bit_is_found_wherever_it_is() -> None:
    whole = framed(b"one", b"two")
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(IntegrityError, match=r"record [12] (is damaged|cannot be read)"):
            parsed(bytes(damaged))


def test_a_record_that_is_damaged_inside_can_be_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    damaged = framed(b"one", b"two", b"three").replace(b"two", b"twO")
    assert parsed(damaged, on_error="skip") == [b"one", b"three"]
    assert "1 left out; the first: bytes in memory, record 2 is damaged" in caplog.text


@pytest.mark.parametrize("features", ["none", 3, {"a": list}, {"a": complex}, {"a": list[bool]}])
def test_features_of_other_kinds_are_refused(features: Any) -> None:
    with pytest.raises(ArgumentError, match=r"features must be None, \"all\", names, or types by"):
        hr.parse.tfrecord(features)


def test_a_truncated_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord.gz"
    path.write_bytes(gzip.compress(framed(*RECORDS))[:-20])
    with pytest.raises(hr.errors.StorageError, match=r"a\.tfrecord\.gz was to be read, and cannot"):
        parsed(path)
