"""Stores and shards by key: Squirrel's files are read and written, whole and under safe keys."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.servers.serving import Store

import headrace as hr
from headrace.compat.squirrel import storage
from headrace.compat.squirrel.framework.io import read_from_file, write_to_file
from headrace.compat.squirrel.fsspec import get_fs_from_url, get_protocol
from headrace.compat.squirrel.iterstream import IterableSource
from headrace.compat.squirrel.serialization import (
    JsonSerializer,
    MessagepackSerializer,
    SquirrelSerializer,
)
from headrace.compat.squirrel.store import (
    AbstractStore,
    FilesystemStore,
    MemoryStore,
    SquirrelStore,
)
from headrace.contracts.errors import (
    ArgumentError,
    InvalidName,
    NotFound,
    StorageError,
    StreamError,
)

SHARD = [{"id": 3, "label": "ten"}, {"id": 5, "label": "two"}]
SERIALIZERS = [MessagepackSerializer(), JsonSerializer()]


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_both_modules_have_the_stores_and_memory_is_headraces() -> None:
    assert storage.MemoryStore is MemoryStore is hr.MemoryStore
    assert storage.SquirrelStore is SquirrelStore
    assert issubclass(SquirrelStore, FilesystemStore)
    assert issubclass(FilesystemStore, AbstractStore)


@pytest.mark.parametrize("serializer", SERIALIZERS, ids=lambda one: type(one).__name__)
def test_a_shard_comes_back(serializer: SquirrelSerializer, tmp_path: Path) -> None:
    store = SquirrelStore(str(tmp_path / "made"), serializer)

    store.set(SHARD, "b")
    store.set(SHARD[0], key="a-1")

    assert files(tmp_path) == ["made/a-1.gz", "made/b.gz"]
    assert list(store.keys()) == ["a-1", "b"]
    assert list(store.get("b")) == SHARD
    assert next(store.get("a-1")) == SHARD[0]


def test_a_squirrel_store_lists_shards_alone(tmp_path: Path) -> None:
    store = SquirrelStore(tmp_path, JsonSerializer())
    store.set(SHARD, "shard")
    (tmp_path / "catalog.yaml").write_text("")
    (tmp_path / "nested").mkdir()
    (tmp_path / "nested" / "deep.gz").write_bytes(b"")

    assert list(store.keys()) == ["shard"]
    assert list(store.keys(nested=True)) == ["nested/deep", "shard"]
    assert list(FilesystemStore(tmp_path).keys(nested=False)) == [
        "catalog.yaml",
        "nested",
        "shard.gz",
    ]


def test_values_are_bytes_or_text_or_what_the_serializer_makes_of_them(tmp_path: Path) -> None:
    plain = FilesystemStore(str(tmp_path))
    plain.set(b"ten", "a/b.bin")
    plain.set("ten", "note.txt", mode="w")
    packed = FilesystemStore(str(tmp_path), serializer=MessagepackSerializer())
    packed.set({"x": 1}, "packed")

    assert plain.get("a/b.bin") == b"ten"
    assert plain.get("note.txt", mode="r") == "ten"
    assert packed.get("packed") == {"x": 1}
    assert list(plain.keys()) == ["a/b.bin", "note.txt", "packed"]


def test_a_value_compressed_by_gzip_is_read_so(tmp_path: Path) -> None:
    store = FilesystemStore(str(tmp_path))
    store.set(b"ten" * 100, "a.gz", compression="gzip")

    assert (tmp_path / "a.gz").stat().st_size < 100
    assert store.get("a.gz", compression="gzip") == b"ten" * 100
    assert store.get("a.gz", compression="infer") == b"ten" * 100


def test_clean_removes_what_is_there_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside.txt").write_text("kept")
    old = SquirrelStore(str(tmp_path / "store"), JsonSerializer())
    old.set(SHARD, "a")

    new = SquirrelStore(str(tmp_path / "store"), JsonSerializer(), clean=True)

    assert list(new.keys()) == []
    assert files(tmp_path) == ["beside.txt"]


def test_a_chain_sinks_into_a_store_and_reads_it_ahead(tmp_path: Path) -> None:
    store = FilesystemStore(str(tmp_path), serializer=JsonSerializer())
    IterableSource(range(5)).sink(store)

    assert sorted(IterableSource(store.keys).prefetch(store).collect()) == [0, 1, 2, 3, 4]


def test_a_serializer_of_ones_own_keeps_shards(tmp_path: Path) -> None:
    class Lines(SquirrelSerializer):
        def serialize(self, obj: Any) -> bytes:
            return str(obj).encode()

        def deserialize(self, obj: bytes) -> str:
            return obj.decode()

        def serialize_shard_to_file(
            self, shard: Iterable[Any], fp: str, fs: Any = None, **kwargs: Any
        ) -> None:
            with fs.open(fp, mode="wb", compression="gzip") as file:
                file.writelines(self.serialize(record) + b"\n" for record in shard)

        def deserialize_shard_from_file(
            self, fp: str, fs: Any = None, **kwargs: Any
        ) -> Iterator[str]:
            with fs.open(fp, mode="r", compression="gzip") as file:
                for line in file:
                    yield line.rstrip("\n")

    store = SquirrelStore(tmp_path, Lines())
    store.set(["ten", "two"], "a")
    assert list(store.get("a")) == ["ten", "two"]


def test_a_serializer_without_shards_says_so(tmp_path: Path) -> None:
    class Values(SquirrelSerializer):
        def serialize(self, obj: Any) -> Any:
            return obj

        def deserialize(self, obj: Any) -> Any:
            return obj

    store = SquirrelStore(tmp_path, Values())
    with pytest.raises(StreamError, match="kept by Values, which has no serialize_shard_to_file"):
        store.set(SHARD)
    (tmp_path / "a.gz").write_bytes(b"")
    with pytest.raises(StreamError, match="no deserialize_shard_from_file. Write the method"):
        store.get("a")


def test_a_key_that_is_missing_tells_the_near_ones(tmp_path: Path) -> None:
    store = SquirrelStore(str(tmp_path), JsonSerializer())
    store.set(SHARD, "shard_0")

    with pytest.raises(NotFound, match="there is no key 'shard_1' in .* one of 'shard_0'"):
        store.get("shard_1")
    with pytest.raises(KeyError, match="There is none yet"):
        FilesystemStore(str(tmp_path / "none")).get("a")


# -- the rows of the reference ----------------------------------------------------------------


def test_s_b21_equal_seeds_make_different_keys(tmp_path: Path) -> None:
    store = SquirrelStore(str(tmp_path), JsonSerializer())
    for _ in range(3):
        random.seed(7)
        np.random.seed(7)  # noqa: NPY002 - the generator that keys must not come from
        store.set(SHARD)

    assert len(list(store.keys())) == 3


@pytest.mark.parametrize("key", ["../a", "/a", "a//b", "", ".", "a\\b", "~a"])
def test_s_b21_a_key_cannot_leave_the_store(key: str, tmp_path: Path) -> None:
    store = SquirrelStore(str(tmp_path / "store"), JsonSerializer())
    with pytest.raises(InvalidName, match="a key must be text of plain names joined by '/'"):
        store.set(SHARD, key)
    with pytest.raises(InvalidName, match="a key must be text"):
        store.get(key)
    assert files(tmp_path) == []


CRASH = """
import os, sys
from headrace.compat.squirrel.serialization import MessagepackSerializer
from headrace.compat.squirrel.store import SquirrelStore

class Record(dict):
    def items(self):
        os._exit(3)

store = SquirrelStore(sys.argv[1], MessagepackSerializer())
store.set([{"id": 1}] * 1000, "whole")
store.set([{"id": 1}] * 1000 + [Record(id=2)], "whole")
"""


def test_s_b22_a_crash_leaves_the_shard_before(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", CRASH, str(tmp_path)], check=False)

    assert ended.returncode == 3
    store = SquirrelStore(str(tmp_path), MessagepackSerializer())
    assert list(store.keys()) == ["whole"]
    assert list(store.get("whole")) == [{"id": 1}] * 1000


@pytest.mark.parametrize("serializer", SERIALIZERS, ids=lambda one: type(one).__name__)
def test_s_b22_a_record_that_fails_leaves_no_shard(
    serializer: SquirrelSerializer, tmp_path: Path
) -> None:
    store = SquirrelStore(str(tmp_path), serializer)
    with pytest.raises(TypeError, match="a record"):
        store.set([*SHARD, {"id": object()}], "half")

    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-9], lambda content: content[:40] + b"!" + content[41:]]
)
def test_s_b22_a_damaged_shard_is_told(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    store = SquirrelStore(str(tmp_path), MessagepackSerializer())
    store.set([{"id": number} for number in range(500)], "a")
    content = (tmp_path / "a.gz").read_bytes()
    (tmp_path / "a.gz").write_bytes(damage(content))

    with pytest.raises(StorageError, match="a.gz was to be read, and cannot be"):
        store.get("a")


def test_s_b23_nothing_is_asked_before_the_first_use_and_folders_are_made(tmp_path: Path) -> None:
    SquirrelStore("s3://no-such-bucket/shards", JsonSerializer())
    store = FilesystemStore(str(tmp_path / "new" / "store"))
    assert files(tmp_path) == []
    assert list(store.keys()) == []

    store.set(b"ten", "a")
    assert files(tmp_path) == ["new/store/a"]


# -- files by address ---------------------------------------------------------------------------


def test_shards_live_in_object_stores(s3: Store, bucket: str) -> None:
    options = s3.storage_options
    store = SquirrelStore(f"{bucket}/shards/", MessagepackSerializer(), **options)
    store.set(SHARD, "a")
    store.set(SHARD, "in/b")

    again = SquirrelStore(f"{bucket}/shards", MessagepackSerializer(), **options)
    assert list(again.keys()) == ["a"]
    assert list(again.keys(nested=True)) == ["a", "in/b"]
    assert list(again.get("in/b")) == SHARD
    with pytest.raises(NotFound, match="there is no key 'c'"):
        again.get("c")

    SquirrelStore(f"{bucket}/shards", MessagepackSerializer(), clean=True, **options)
    assert list(again.keys(nested=True)) == []


def test_a_file_of_ones_own_appears_when_it_is_closed(tmp_path: Path) -> None:
    path = str(tmp_path / "in" / "note.txt")
    files_of = get_fs_from_url(path)

    file = files_of.open(path, "w")
    file.write("ten")
    assert not files_of.exists(path)
    file.close()
    assert files_of.exists(path)
    assert files_of.ls(f"{tmp_path}/") == [f"{tmp_path}/in"]

    with pytest.raises(TypeError), files_of.open(path, "w") as file:
        file.writelines(["half", 0])
    left = files_of.open(path, "wb")
    left.write(b"nobody closes this")
    del left
    assert read_from_file(path, mode="r") == "ten"

    files_of.rm(path)
    assert not files_of.exists(path)


def test_single_values_are_written_and_read_by_a_serializer(tmp_path: Path) -> None:
    path = f"file://{tmp_path}/value"
    write_to_file(path, {"x": 1}, serializer=MessagepackSerializer(), mode="wb")

    assert read_from_file(path, serializer=MessagepackSerializer()) == {"x": 1}


def test_a_relative_path_is_that_of_the_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        SquirrelStore("shards", JsonSerializer()).set([name], "k")

    assert files(tmp_path) == ["a/shards/k.gz", "b/shards/k.gz"]


@pytest.mark.parametrize(("url", "protocol"), [("s3://b/k", "s3://"), ("data/k", "")])
def test_the_protocol_is_what_an_address_begins_with(url: str, protocol: str) -> None:
    assert get_protocol(url) == protocol


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("", {}, "a path or address was expected, got ''"),
        ("ftp://host/a", {}, "storage knows no address that begins with ftp://"),
        ("memory://a", {}, "memory://.* does not carry it. Keep records .* in a MemoryStore"),
        ("data", {"region": "eu"}, "storage_options are for s3://"),
        ("s3://b/k", {"protocol": "simplecache"}, r"fsspec's cache .*\['protocol'\].* \.cache\(\)"),
        ("s3://b", {"no_such": 1}, r"cannot be opened with the options \['no_such'\]"),
    ],
)
def test_addresses_and_options_that_cannot_be_are_refused(
    url: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        FilesystemStore(url, **options)


def test_auto_mkdir_is_accepted_and_not_needed(tmp_path: Path) -> None:
    FilesystemStore(str(tmp_path / "new"), auto_mkdir=False).set(b"ten", "a")
    assert files(tmp_path) == ["new/a"]


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("a", {"mode": "a"}, "mode must be one of 'r', .* got 'a'. A file appears whole"),
        ("a", {"mode": "wb", "compression": "xz"}, "plain or by gzip, got compression='xz'"),
        ("a", {"compression": "zip"}, "no compression is called 'zip'"),
        ("a", {"mode": "w", "encoding": "utf-9"}, "encoding must be a text encoding"),
        ("s3://bucket", {"mode": "wb"}, "the address of a file was expected, got 's3://bucket'"),
    ],
)
def test_files_are_not_opened_in_ways_that_cannot_be(
    path: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        get_fs_from_url(path).open(path, **options).close()
