from __future__ import annotations

import msgspec
import pytest
from tests.formats.stand_in import FOLDER, MemoryBlobs

from headrace.contracts.errors import IntegrityError
from headrace.formats import Manifest, Shard, StoredRecords, decode, encode
from headrace.formats.manifest.manifest import decode_unnamed
from headrace.formats.schema.schema import Branch, Leaf

SCHEMA = Branch(
    "namedtuple",
    (Leaf("x", "array", "<f4", (2, 3), 2), Leaf("y", "array", [["a", "<i4"]], None, 1)),
    ("x", "y"),
    "shop",
    "Point",
)
MANIFEST = Manifest(
    1,
    "digits",
    "1.0",
    SCHEMA,
    (Shard("ab" * 16, 3, 100), Shard("cd" * 16, 4, 150)),
    {"why": [1, None]},
)


def test_a_manifest_comes_back_equal() -> None:
    assert decode(encode(MANIFEST), key="k") == MANIFEST


def test_a_manifest_counts_its_shards() -> None:
    assert (MANIFEST.rows, MANIFEST.size_bytes, MANIFEST.is_pickled) == (7, 250, False)
    pickled = msgspec.structs.replace(MANIFEST, schema=Leaf("x", "pickle"))
    assert pickled.is_pickled


def test_the_identity_tells_two_builds_of_a_version_apart() -> None:
    other = msgspec.structs.replace(MANIFEST, shards=(Shard("ab" * 16, 7, 250),))
    assert MANIFEST.identity.startswith("digits@1.0#")
    assert len(MANIFEST.identity) == len("digits@1.0#") + 8
    assert MANIFEST.identity == decode(encode(MANIFEST), key="k").identity != other.identity


def test_a_manifest_of_a_newer_format_says_to_upgrade() -> None:
    newer = encode(msgspec.structs.replace(MANIFEST, format=2)).replace(b'"shards"', b'"chunks"')
    with pytest.raises(
        IntegrityError,
        match="digits/versions/1.0.json has format 2, this headrace reads formats up to 1. Upgrade",
    ):
        decode(newer, key="digits/versions/1.0.json")


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"format": 1}', b"\xff\xfe"], ids=repr)
def test_bytes_that_are_no_manifest_name_their_key(payload: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"digits/1.0.json is no manifest: .* submit it again"):
        decode(payload, key="digits/1.0.json")


def test_what_the_source_said_is_kept_and_changes_no_manifest_without_it() -> None:
    assert b"origin" not in encode(MANIFEST)
    told = msgspec.structs.replace(MANIFEST, origin={"kind": "tf.data", "element_spec": [1]})
    assert decode(encode(told), key="k") == told
    assert told.identity != MANIFEST.identity
    held = StoredRecords(MemoryBlobs(), told, folder=FOLDER)
    assert held.origin == {"kind": "tf.data", "element_spec": [1]}
    assert StoredRecords(MemoryBlobs(), MANIFEST, folder=FOLDER).origin == {}


def test_records_in_no_storage_may_have_any_name_and_must_be_sound() -> None:
    kept = msgspec.structs.replace(MANIFEST, dataset="range(1000) | map", version="")
    assert decode_unnamed(encode(kept), key="k") == kept
    with pytest.raises(IntegrityError, match="it is of 'range.1000. . map', which is no name"):
        decode(encode(kept), key="k")
    with pytest.raises(IntegrityError, match="k is no manifest"):
        decode_unnamed(b"{", key="k")
