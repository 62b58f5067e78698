"""Real manifests and shards of every kind of schema, and what an adversary makes of them."""

from __future__ import annotations

import copy
import functools
import io
import json
import time
import warnings
from collections import namedtuple
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, cast

import ml_dtypes
import msgspec
import numpy as np
from tests.formats.stand_in import FOLDER, MemoryBlobs, Opaque, all_of

from headrace.contracts.blobs import Blobs
from headrace.contracts.errors import IntegrityError, PickleRefused, RecordError
from headrace.contracts.image import EncodedImage
from headrace.formats import (
    FORMAT_VERSION,
    Manifest,
    StoredRecords,
    Target,
    decode,
    encode,
    write_blocks,
)
from headrace.formats.compression.fields import compression_of
from headrace.formats.far.open_shards import Shards
from headrace.formats.manifest.placement import Placement
from headrace.formats.reading.image_reader import UnreadableImage
from headrace.formats.reading.opened import Opened
from headrace.formats.schema.schema import leaves_of
from headrace.formats.shards.shard_file import Damaged
from headrace.formats.shards.spans import Places

# Any, in this file: records of every structure, and JSON.

Rng = np.random.Generator
Point = namedtuple("Point", "x y")
KEY = "digits/versions/1.0.json"
COUNT = 12
# More than any of these ever needs; a case that takes longer hangs.
LIMIT_S = 20.0
# What a hostile version may raise: all of it ours.
REFUSALS = (IntegrityError, RecordError, PickleRefused)
# What readers raise, of which stored records make those.
FAULTS = (Damaged, UnicodeDecodeError, msgspec.DecodeError, UnreadableImage)
NUMBERS = [0, 1, -1, 2, 7, 64, 255, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1]
HOSTILE_TEXTS = [
    "", "..", "../../etc/passwd", "/etc/passwd", "O", "|O", "|O8", "object", "<i8", "|b1", "<f8",
    "<U5", "<U1000000000", "|V2147483647", "|S0", "i4,O", "finfo", "np", "__loader__", "bfloat16",
    "pickle", "str", "bytes", "image", "list", "none", "array", "scalar", "int", "branch", "leaf",
    "dict", "namedtuple", "tuple", "zstd", "\0", "\ud800", "class", "x" * 5000, "os", "system",
]  # fmt: skip
HOSTILE_VALUES: list[Any] = [
    None, True, False, 1.5, 1e308, [], {}, [[]], [-1, 3], [2**32, 2**32], [0, 2**62, 2**62],
    *NUMBERS, 2**63, -(2**63), 10**40,
]  # fmt: skip


def _scalars(number: int) -> Any:
    return {
        "bool": number % 2 == 0,
        "int": number,
        "float": number / 7,
        "complex": complex(number, -1),
        "str": "Mühle" * number,
        "bytes": b"\xff" * number,
        "text": np.str_("a" * number),
        "raw": np.bytes_(b"b" * number),
        "f4": np.float32(number),
        "when": np.datetime64(number, "s"),
    }


def _arrays(number: int) -> Any:
    return {
        "fixed": np.full((2, 3), number, "f4"),
        "flags": np.array([True, False, number % 2 == 0]),
        "words": np.array(["ab", "水"]),
        "fields": np.zeros(2, [("a", ">i4"), ("b", "f8", (2,))]),
        "half": np.full(3, number, ml_dtypes.bfloat16),
        "complex": np.full((2,), number, "c8"),
        "nothing": np.zeros((0, 3)),
        "ragged": np.arange(number),
        "ragged2": np.ones((number, 2), "i2"),
        "ragged3": np.ones((2, number, 1), "?"),
        "point": np.array(number),
    }


def _nullable(number: int) -> Any:
    is_none = number % 3 == 0
    return {
        "late": None if number < COUNT // 2 else number,
        "int": None if is_none else number,
        "str": None if is_none else "x" * number,
        "array": None if is_none else np.full((2,), number),
        "array2": None if is_none else np.full((number, 2), number),
        "late2": None if number < COUNT // 2 else np.ones((2, number)),
        "never": None,
    }


def _lists(number: int) -> Any:
    return {
        "ints": [1] * number,
        "floats": [0.5] * number,
        "mixed": [1, "a", None, {"b": [b"c", 2.5]}][: number % 5],
        "grows": [1, 2] if number < COUNT // 2 else ["a"] * number,
    }


def _nested(number: int) -> Any:
    return (number, {"a": {"b": [number, "c"]}, 3: Point(number, "d")}, [])


def _image(number: int) -> Any:
    from PIL import Image

    sink = io.BytesIO()
    Image.new("RGB", (4, 3), (number, 2, 3)).save(sink, "PNG")
    return {"image": EncodedImage(sink.getvalue())}


RECORDS: dict[str, Callable[[int], Any]] = {
    "scalars": _scalars,
    "arrays": _arrays,
    "nullable": _nullable,
    "lists": _lists,
    "nested": _nested,
    "numbers": lambda number: number,
    "nothing": lambda number: {},
    "none": lambda number: None,
    "images": _image,
    "pickles": Opaque,
    "compressed": lambda number: {"text": "word " * number, "raw": b"x" * number, "n": number},
}
COMPRESSED = {"compressed": {"text": "zstd", "raw": "zstd"}}
PACKAGES = {"images": "PIL", "compressed": "zstandard"}
# Those that can be made here.
KINDS = [kind for kind in RECORDS if find_spec(PACKAGES.get(kind, "headrace")) is not None]


@dataclass(frozen=True)
class Version:
    """A stored version as bytes: its manifest, and its shards by key."""

    manifest: bytes
    shards: dict[str, bytes]


@functools.cache
def version_of(kind: str) -> Version:
    """A real version with records of a kind, in several shards."""
    blobs = MemoryBlobs()
    records = [RECORDS[kind](number) for number in range(COUNT)]
    target = Target(blobs, FOLDER, 400, compression_of(COMPRESSED.get(kind)))
    written = write_blocks([records], target, allow_pickle=True, advance=lambda count: None)
    manifest = Manifest(FORMAT_VERSION, "digits", "1.0", written.schema, written.shards, {})
    return Version(encode(manifest), blobs.held)


def attempt(version: Version, *, allow_pickle: bool = False) -> list[Any] | None:
    """What reading a version gives: its first records, or None where it is refused.

    What else is raised, and what takes long, is a fault.
    """
    began = time.monotonic()
    try:
        with warnings.catch_warnings():
            # Of Pillow, about large images.
            warnings.simplefilter("ignore")
            return _read(version, allow_pickle)
    except REFUSALS:
        return None
    finally:
        assert time.monotonic() - began < LIMIT_S


def _read(version: Version, allow_pickle: bool) -> list[Any]:
    blobs = MemoryBlobs()
    blobs.held = version.shards
    manifest = decode(version.manifest, key=KEY)
    assert len(repr(manifest.schema)) < 100 * len(version.manifest) + 1000
    held = StoredRecords(blobs, manifest, folder=FOLDER, allow_pickle=allow_pickle)
    if not len(held):
        return []
    if len(held) == COUNT:
        found = all_of(held)
    else:
        found = held.read(np.arange(min(len(held), COUNT))).rows()
    # Gathered, not sliced; the last record, which a lie about their number moves.
    last = len(held) - 1
    held.read(np.array([last, 0, last // 2, last])).rows()
    held.views().read(np.array([0, last]))
    with suppress(*REFUSALS, *FAULTS):
        _read_ranges(blobs, manifest)
    repr(found)
    return found


def _read_ranges(blobs: MemoryBlobs, manifest: Manifest) -> None:
    """The first and the last row of each shard, read as those of shards far away."""
    assert manifest.schema is not None
    leaves = leaves_of(manifest.schema)
    shards = Shards(cast("Blobs", blobs), manifest, folder=FOLDER, title="digits@1.0")
    for number, shard in enumerate(manifest.shards):
        if shard.rows and isinstance(shard.buffers, Placement):
            rows = np.array(sorted({0, shard.rows - 1}))
            opened = Opened(leaves, 1, as_views=False)
            opened.add(0, shards.some(number, rows))
            for reader in opened.readers:
                reader.read(Places(0, np.arange(len(rows))))


def with_bytes_changed(payload: bytes, rng: Rng, *, changes: int = 1) -> bytes:
    """Bytes with some of them flipped, inserted, removed, cut, or overwritten by numbers."""
    found = bytearray(payload)
    for _ in range(changes):
        at = int(rng.integers(0, max(1, len(found))))
        match int(rng.integers(0, 7)):
            case 0:
                flip = 1 << int(rng.integers(8))
                found[at : at + 1] = bytes(one ^ flip for one in found[at : at + 1])
            case 1:
                found[at:at] = rng.bytes(int(rng.integers(1, 9)))
            case 2:
                del found[at : at + int(rng.integers(1, 9))]
            case 3:
                del found[at:]
            case 4 | 5:
                number = int(rng.choice(np.array(NUMBERS)))
                width = 4 if abs(number) < 2**31 and rng.integers(2) else 8
                at -= at % 4
                found[at : at + width] = number.to_bytes(width, "little", signed=True)
            case _:
                other = int(rng.integers(0, max(1, len(found))))
                found[at : at + 8] = found[other : other + 8]
    return bytes(found)


def with_value_changed(payload: bytes, rng: Rng, *, changes: int = 1) -> bytes:
    """JSON with some of its values replaced by hostile ones."""
    value = json.loads(payload)
    for _ in range(changes):
        places = _places(value)
        parent, key = places[int(rng.integers(len(places)))]
        parent[key] = _hostile(rng, parent[key])
    return json.dumps(value).encode()


def _places(value: Any) -> list[tuple[Any, Any]]:
    count = len(value) if isinstance(value, list) else 0
    keys = list(value) if isinstance(value, dict) else range(count)
    found = [(value, key) for key in keys]
    return found + [place for key in keys for place in _places(value[key])]


def _hostile(rng: Rng, old: Any) -> Any:
    if isinstance(old, list) and rng.integers(2):
        return [*old, *old[:1]] if rng.integers(2) else old[1:]
    if isinstance(old, int) and rng.integers(2):
        return old + int(rng.choice([-1, 1, 8, 2**33]))
    if isinstance(old, str) and rng.integers(4):
        return HOSTILE_TEXTS[int(rng.integers(len(HOSTILE_TEXTS)))]
    return copy.deepcopy(HOSTILE_VALUES[int(rng.integers(len(HOSTILE_VALUES)))])


def mutant(kind: str, seed: int) -> Version:
    """A version with one change or a few, by its seed, in its manifest or in a shard."""
    rng = np.random.default_rng(seed)
    version = version_of(kind)
    changes = int(rng.integers(1, 4))
    what = int(rng.integers(0, 4))
    if what == 0:
        return Version(with_bytes_changed(version.manifest, rng, changes=changes), version.shards)
    if what == 1:
        return Version(with_value_changed(version.manifest, rng, changes=changes), version.shards)
    keys = sorted(version.shards)
    if not keys:
        return version
    key = keys[int(rng.integers(len(keys)))]
    payload = version.shards[key]
    # Half of the changes in what tells where all else is.
    head = int(rng.integers(len(payload))) if rng.integers(2) else len(payload)
    new = with_bytes_changed(payload[:head], rng, changes=changes) + payload[head:]
    return Version(_resized(version.manifest, key, len(new)), {**version.shards, key: new})


def _resized(manifest: bytes, key: str, size_bytes: int) -> bytes:
    """The manifest, which says that a shard has the size that it has."""
    value = json.loads(manifest)
    for shard in value["shards"]:
        if shard["digest"] in key:
            shard["size_bytes"] = size_bytes
    return json.dumps(value).encode()
