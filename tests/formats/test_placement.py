"""Where buffers lie: as the file has them, and once in a manifest for shards that are alike."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.formats.leaves import LEAVES
from tests.formats.stand_in import FOLDER, MemoryBlobs, all_of, stored

from headrace.contracts.errors import IntegrityError
from headrace.formats import Manifest, Shard, StoredRecords, decode, encode, shard_key
from headrace.formats.manifest.placement import Placement, roles_of, spans_of
from headrace.formats.schema.schema import Leaf, leaves_of
from headrace.formats.shards import shard_file

# Any, in this file: records of every structure, and JSON.

# The places of the roles among the buffers of a leaf.
PLACES = {"validity": 0, "offsets": 1}


@pytest.mark.parametrize("kind", sorted(LEAVES))
def test_the_placement_is_where_the_file_has_the_buffers(kind: str) -> None:
    rng = np.random.default_rng(3)
    blobs = MemoryBlobs()
    make = LEAVES[kind]
    records = [{"x": make(rng), "y": None if n % 3 else make(rng), "n": n} for n in range(9)]
    held = stored([records], blobs, shard_bytes=200)
    for shard in held.manifest.shards:
        mapped = blobs.map(shard_key(FOLDER, shard.digest))
        schema, _, buffers = shard_file.read(mapped)
        assert isinstance(shard.buffers, Placement)
        assert shard.buffers.schema == schema
        spans = spans_of(shard.buffers, shard.size_bytes)
        for leaf, own, found in zip(leaves_of(schema), spans, buffers, strict=True):
            assert tuple(own) == roles_of(leaf)
            for role, (begin, length) in own.items():
                at = PLACES.get(role, -2 if role == "values" and "shapes" in own else -1)
                buffer = found[at]
                assert bytes(mapped[begin : begin + length]) == bytes(
                    b"" if buffer is None else buffer
                )


def test_shards_that_lie_alike_are_noted_once() -> None:
    rows = [{"x": np.full(500, number, np.float32), "n": number} for number in range(400)]
    held = stored([rows], shard_bytes=40_000)
    assert len(held.manifest.shards) > 9
    payload = json.loads(encode(held.manifest))
    noted = [shard["buffers"] for shard in payload["shards"]]
    assert [type(one) for one in noted[:3]] == [dict, int, int]
    assert noted[0].keys() == {"spans"}
    assert set(noted[1:-1]) == {0}
    assert decode(encode(held.manifest), key="k") == held.manifest


def test_a_shard_of_a_narrower_schema_keeps_it() -> None:
    rows: list[Any] = [{"x": 1}] * 50 + [{"x": None}] * 50
    held = stored([rows], shard_bytes=100)
    schemas = [shard["buffers"] for shard in json.loads(encode(held.manifest))["shards"]]
    assert "schema" in schemas[0]
    assert decode(encode(held.manifest), key="k") == held.manifest
    first = held.manifest.shards[0].buffers
    assert isinstance(first, Placement)
    assert first.schema != held.schema


def test_a_manifest_without_placements_reads_and_stays_as_it_was() -> None:
    blobs = MemoryBlobs()
    held = stored([list(range(100))], blobs, shard_bytes=200)
    older = json.loads(encode(held.manifest))
    for shard in older["shards"]:
        del shard["buffers"]
    payload = json.dumps(older, separators=(",", ":")).encode()
    manifest = decode(payload, key="k")
    assert encode(manifest) == payload
    assert all_of(StoredRecords(blobs, manifest, folder=FOLDER)) == list(range(100))


@pytest.mark.parametrize("number", [-1, 1, 2, 7])
def test_a_number_that_is_no_earlier_shard_is_refused(number: int) -> None:
    held = stored([list(range(100))], shard_bytes=200)
    payload = json.loads(encode(held.manifest))
    payload["shards"][1]["buffers"] = number
    with pytest.raises(IntegrityError, match=f"shard 1 lies like shard {number}, no earlier one"):
        decode(json.dumps(payload).encode(), key="digits/versions/1.0.json")


def test_a_manifest_of_10_000_shards_stays_small() -> None:
    leaves = tuple(Leaf(f"c{n}", "bytes" if n % 2 else "int") for n in range(6))
    held = stored([[dict.fromkeys("abcdef", b"")]])
    assert held.schema is not None
    schema = msgspec.structs.replace(held.schema, children=leaves)
    spans = np.random.default_rng(1).integers(0, 1 << 20, (10_000, 30)).tolist()
    shards = tuple(
        Shard(f"{number:032x}", 100, 1 << 26, Placement(tuple(own), schema))
        for number, own in enumerate(spans)
    )
    manifest = Manifest(1, "digits", "1.0", schema, shards, {})
    payload = encode(manifest)
    # No two are alike: 30 numbers each.
    assert len(payload) < 400 * len(shards)
    assert decode(payload, key="k") == manifest
