"""Compressed columns: the values that went in, one by one, and nothing taken on trust."""

from __future__ import annotations

import base64
import json
import pickle
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.stand_in import FOLDER, MemoryBlobs, all_of, cut, same

import headrace as hr
from headrace.contracts.errors import ArgumentError, IntegrityError, MissingExtra
from headrace.formats import (
    FORMAT_VERSION,
    Manifest,
    Shard,
    StoredRecords,
    Target,
    shard_key,
    write_blocks,
)
from headrace.formats.compression.fields import compression_of
from headrace.formats.compression.note import Packing
from headrace.formats.compression.zstd import BadFrame, Decompressor
from headrace.formats.manifest.placement import Placement, spans_of
from headrace.formats.manifest.ratios import ratios
from headrace.formats.reading.unpacking import unpacker
from headrace.formats.schema.schema import leaves_of
from headrace.formats.shards.shard_file import Damaged

# Any, in this file: records of every structure.

TEXTS = ("", "a river", "é" * 9, "the water of the lake flows through the headrace " * 40)


@pytest.fixture(autouse=True)
def zstandard() -> Any:
    return pytest.importorskip("zstandard")


def held(
    blocks: Any, compress: dict[str, str], *, shard_bytes: int = 1 << 20, pickled: bool = False
) -> tuple[StoredRecords, MemoryBlobs]:
    blobs = MemoryBlobs()
    written = write_blocks(
        blocks,
        Target(blobs, FOLDER, shard_bytes, compression_of(compress)),
        advance=lambda count: None,
        allow_pickle=pickled,
    )
    manifest = Manifest(FORMAT_VERSION, "digits", "1.0", written.schema, written.shards, {})
    return StoredRecords(blobs, manifest, folder=FOLDER, allow_pickle=pickled), blobs


def sentences(count: int) -> list[dict[str, Any]]:
    """Records alike enough for a dictionary to pay, and no two the same."""
    rng = np.random.default_rng(5)
    words = [f"{word}{number}" for word in ("water", "gate", "shaft") for number in range(300)]
    return [
        {"n": n, "text": f"Record {n}: " + " ".join(rng.choice(words, 30).tolist())}
        for n in range(count)
    ]


def note_of(records: StoredRecords, blobs: MemoryBlobs, *, shard: int = 0) -> bytes:
    """The bytes at the place that the manifest tells."""
    one = records.manifest.shards[shard]
    assert isinstance(one.buffers, Placement)
    begin, length = spans_of(one.buffers, one.size_bytes)[-1]["note"]
    return blobs.held[shard_key(FOLDER, one.digest)][begin : begin + length]


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.one_of(st.none(), st.text(), st.sampled_from(TEXTS)), min_size=1),
    sizes=st.lists(st.integers(1, 7), max_size=4),
    shard_bytes=st.sampled_from([1, 300, 1 << 20]),
    seed=st.integers(0, 99),
)
def test_any_texts_come_back_equal_in_any_order(
    texts: list[str | None], sizes: list[int], shard_bytes: int, seed: int
) -> None:
    records = [
        {
            "text": text,
            "deep": {"raw": (text or "").encode()},
            "tags": [] if text is None else [text] * (len(text) % 3),
        }
        for text in texts
    ]
    compress = {"text": "zstd", "deep": "zstd:1", "tags": "zstd"}
    got, _ = held(cut(records, sizes), compress, shard_bytes=shard_bytes)
    assert all(map(same, all_of(got), records))
    order = np.random.default_rng(seed).integers(0, len(records), 2 * len(records))
    assert all(map(same, got.read(order).rows(), [records[at] for at in order]))


def test_every_compressible_kind_comes_back_equal() -> None:
    records = [
        (text, text.encode(), np.str_(text), np.bytes_(text.encode()), [text], {1, text})
        for text in TEXTS
    ]
    compress = {str(at): "zstd" for at in range(6)}
    got, _ = held([records], compress, pickled=True)
    assert got.schema is not None
    assert all(leaf.is_compressed for leaf in leaves_of(got.schema))
    assert all(map(same, all_of(got), records))


def test_views_are_of_the_decompressed_bytes() -> None:
    records = [{"raw": text.encode(), "maybe": text.encode() or None} for text in TEXTS]
    got, _ = held([records], {"raw": "zstd", "maybe": "zstd"})
    rows = got.views().read(np.arange(4)).rows()
    assert all(type(row["raw"]) is memoryview for row in rows)
    assert [bytes(row["raw"]) for row in rows] == [text.encode() for text in TEXTS]
    assert rows[0]["maybe"] is None
    assert bytes(rows[3]["maybe"]) == TEXTS[3].encode()


def test_a_dictionary_is_trained_where_it_pays() -> None:
    records = sentences(3000)
    got, blobs = held([records], {"text": "zstd"})
    packing = msgspec.json.decode(note_of(got, blobs), type=Packing)
    assert 1024 <= len(packing.dictionary) <= 2**16
    assert packing.raw_bytes == sum(len(record["text"]) for record in records)
    assert all_of(got) == records
    few, blobs = held([records[:40]], {"text": "zstd"})
    assert msgspec.json.decode(note_of(few, blobs), type=Packing).dictionary == b""
    rng = np.random.default_rng(1)
    noise, blobs = held([[{"raw": rng.bytes(300)} for _ in range(1000)]], {"raw": "zstd"})
    assert msgspec.json.decode(note_of(noise, blobs), type=Packing).dictionary == b""


def test_a_shard_explains_itself_to_whoever_has_arrow_and_zstd(zstandard: Any) -> None:
    pa = pytest.importorskip("pyarrow")
    records = sentences(3000)
    got, blobs = held([records], {"text": "zstd"})
    payload = blobs.held[shard_key(FOLDER, got.manifest.shards[0].digest)]
    table = pa.ipc.open_file(pa.py_buffer(payload)).read_all()
    assert table.schema.field("text").type == pa.large_binary()
    note = json.loads(table.schema.metadata[b"headrace.text"])
    assert (note["codec"], len(records)) == ("zstd", len(table))
    dictionary = zstandard.ZstdCompressionDict(base64.b64decode(note["dictionary"]))
    one = zstandard.ZstdDecompressor(dict_data=dictionary)
    assert one.decompress(table["text"][7].as_py()).decode() == records[7]["text"]
    assert note_of(got, blobs) == table.schema.metadata[b"headrace.text"]


def test_equal_records_give_equal_shards_whatever_blocks_they_come_in() -> None:
    records = sentences(2000)
    whole, _ = held([records], {"text": "zstd"}, shard_bytes=200_000)
    parts, _ = held(cut(records, [1, 700, 3, 900]), {"text": "zstd"}, shard_bytes=200_000)
    assert whole.manifest.shards == parts.manifest.shards
    plain, _ = held([records], {}, shard_bytes=200_000)
    # What a shard holds is counted before compression.
    assert [one.rows for one in plain.manifest.shards] == [
        one.rows for one in whole.manifest.shards
    ]
    assert whole.manifest.size_bytes < 0.8 * plain.manifest.size_bytes


def test_columns_of_fixed_size_are_gathered_across_shards_as_fast_as_without() -> None:
    records = [record | {"x": np.zeros(8)} for record in sentences(2000)]
    got, _ = held([records], {"text": "zstd"}, shard_bytes=300_000)
    placed = [shard.buffers for shard in got.manifest.shards]
    begins = [one.spans[2 * 7] for one in placed if isinstance(one, Placement)]
    assert len(begins) > 2
    assert len({begin % 1024 for begin in begins}) == 1
    assert all(map(same, all_of(got), records))


def test_shards_with_and_without_compression_are_one_version() -> None:
    records = sentences(60)
    blobs = MemoryBlobs()
    shards: list[Shard] = []
    schemas = []
    for part, compress in ((records[:20], {"text": "zstd"}), (records[20:], {})):
        written = write_blocks(
            [part],
            Target(blobs, FOLDER, compression=compression_of(compress)),
            advance=lambda count: None,
        )
        shards += written.shards
        schemas.append(written.schema)
    for schema in schemas:
        manifest = Manifest(FORMAT_VERSION, "digits", "1.0", schema, tuple(shards), {})
        assert all_of(StoredRecords(blobs, manifest, folder=FOLDER)) == records


def test_a_field_that_becomes_wider_stays_compressed() -> None:
    records = [{"tags": ["x"], "late": None}] * 3 + [{"tags": [], "late": "text"}] * 3
    got, _ = held(cut(records, [2]), {"tags": "zstd", "late": "zstd"}, shard_bytes=1)
    assert str(got.schema) == "{'tags': list (zstd), 'late': str | None (zstd)}"
    assert all_of(got) == records


def test_records_read_from_many_threads_at_once() -> None:
    records = sentences(500)
    got, _ = held([records], {"text": "zstd"}, shard_bytes=40_000)
    wrong: list[int] = []

    def read(seed: int) -> None:
        order = np.random.default_rng(seed).permutation(500)
        wrong.extend(seed for _ in range(5) if got.read(order).rows() != at(records, order))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def at(records: list[Any], order: Any) -> list[Any]:
    return [records[index] for index in order]


@pytest.mark.parametrize(
    ("compress", "expected"),
    [
        ({"txt": "zstd"}, "the field 'txt', which the records do not have. .*'text'"),
        ({"n": "zstd"}, "the field 'n', which is int. Text, bytes, .* are compressed"),
        ({"deep": "zstd"}, "the field 'deep.x', which is float64.4.. Text"),
        ({"text": "lz4"}, "compress has 'lz4' for the field 'text'. Expected 'zstd'"),
        ({"text": "zstd:40"}, "level from 1 to 22 or without. Write it like"),
        ({"text": True}, "compress has True for the field 'text'. Expected 'zstd'"),
        (True, "compress must be a dict of fields, got True. Write it like"),
    ],
)
def test_what_cannot_be_compressed_is_refused_and_leaves_nothing(
    compress: Any, expected: str, tmp_path: Path
) -> None:
    storage = hr.Storage(tmp_path)
    with pytest.raises(ArgumentError, match=expected):
        storage.submit(
            [{"n": 1, "text": "a", "deep": {"x": np.zeros(4)}}], "digits", "1", compress=compress
        )
    assert storage.datasets() == []


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingExtra, match=r"zstandard is needed .*headrace\[zstd\]"):
        compression_of({"text": "zstd"})


def damaged(change: Callable[[bytes], bytes], *, row: int = 7) -> StoredRecords:
    """Records of which one frame was changed, its length kept."""
    got, blobs = held([sentences(40)], {"text": "zstd"}, shard_bytes=3000)
    shard = got.manifest.shards[1]
    key = shard_key(FOLDER, shard.digest)
    assert isinstance(shard.buffers, Placement)
    spans = spans_of(shard.buffers, shard.size_bytes)[1]
    payload = bytearray(blobs.held[key])
    begin, length = spans["offsets"]
    offsets = np.frombuffer(payload, np.int64, length // 8, begin)
    start, stop = (spans["values"][0] + int(offsets[row + step]) for step in (0, 1))
    changed = change(bytes(payload[start:stop]))
    del offsets
    payload[start:stop] = changed.ljust(stop - start, b"\0")[: stop - start]
    blobs.held[key] = bytes(payload)
    return got


MAGIC = b"\x28\xb5\x2f\xfd"
HOSTILE = {
    "no frame": lambda frame: b"\0" * len(frame),
    "cut": lambda frame: frame[:9],
    "claims 2^60 bytes": lambda frame: MAGIC + b"\xe0" + (2**60).to_bytes(8, "little") + frame[9:],
    "claims 1 GiB": lambda frame: MAGIC + b"\xa0" + (2**30).to_bytes(4, "little") + frame[9:],
    "tells no size": lambda frame: MAGIC + b"\x00\x58" + frame[6:],
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_damaged_bytes_are_named_with_record_and_shard(change: Callable[[bytes], bytes]) -> None:
    got = damaged(change)
    shards = got.manifest.shards
    bad = shards[0].rows + 7
    told = f"'text' of record {bad} of digits@1.0, in shard {shards[1].digest}, cannot be decomp"
    for asked in (np.arange(40), np.array([3, bad, 1]), np.array([bad])):
        with pytest.raises(IntegrityError, match=told):
            got.read(asked)
    assert got.read(np.array([bad - 1, bad + 1])).rows() == at(sentences(40), [bad - 1, bad + 1])


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        (b"", "does not say how it is compressed"),
        (b'{"codec": "zstd"}', "does not say how it is compressed"),
        (b'{"codec": "lz9", "raw_bytes": 3}', "compressed by 'lz9', and 'zstd' is known"),
        (b'{"codec": "zstd", "raw_bytes": 3, "dictionary": "AAAA"}', "does not say how"),
    ],
)
def test_a_note_that_says_nonsense_is_damage(note: bytes, expected: str) -> None:
    with pytest.raises(Damaged, match=expected):
        unpacker(note)


def test_a_claim_that_memory_cannot_hold_is_a_bad_frame() -> None:
    frame = MAGIC + b"\xe0" + (2**40).to_bytes(8, "little") + bytes(2**26)
    with pytest.raises(BadFrame):
        Decompressor(b"", most_bytes=2**62)(memoryview(frame))


def test_workers_write_the_same_shards(tmp_path: Path) -> None:
    records = sentences(2000)
    made: list[Any] = []
    for backend in (None, hr.Threads(2)):
        storage = hr.Storage(tmp_path / str(backend))
        ref = storage.submit(
            hr.DataRef.from_sequence(records).stream().map(dict),
            "digits",
            "1",
            compress={"text": "zstd"},
            shard_bytes=50_000,
            backend=backend,
        )
        assert list(ref.stream()) == records
        files = (tmp_path / str(backend)).glob("digits/shards/*")
        made.append(sorted((file.name, file.read_bytes()) for file in files))
    assert len(made[0]) > 4
    assert made[0] == made[1]


def test_a_ref_pickles_and_goes_into_another_version(tmp_path: Path) -> None:
    storage = hr.Storage(tmp_path)
    records = sentences(300)
    ref = storage.submit(records, "digits", "1", compress={"text": "zstd:9"}, shard_bytes=9000)
    again = pickle.loads(pickle.dumps(ref))
    assert [again[at] for at in range(300)] == records
    batch = next(iter(ref.stream().batch(4)))
    assert batch["text"] == [record["text"] for record in records[:4]]
    plain = storage.submit(ref, "digits", "2")
    assert str(plain.schema) == "{'n': int, 'text': str}"
    assert list(plain.stream()) == records
    assert "all as they were written" in str(storage.verify("digits", "1"))


def test_ratios_count_the_dictionaries() -> None:
    got, _ = held([sentences(3000)], {"text": "zstd"})
    (shard,) = got.manifest.shards
    told = ratios(got.manifest)["text"]
    assert told == pytest.approx(shard.raw_bytes["text"] / (shard.size_bytes - 48_000), rel=0.05)
    assert ratios(held([sentences(30)], {})[0].manifest) == {}
    assert isinstance(shard.buffers, Placement)
    outside = msgspec.structs.replace(shard.buffers, spans=(0, 2**62, *shard.buffers.spans[2:]))
    lying = msgspec.structs.replace(shard, buffers=outside)
    assert ratios(msgspec.structs.replace(got.manifest, shards=(lying,))) == {}
