"""Names and links cannot leave the root; and what is kept is whole, counted and cheap to find."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import headrace as hr
from headrace.blobs import open_blobs
from headrace.contracts.blobs import Blobs
from headrace.contracts.errors import IntegrityError, InvalidName, NotFound
from headrace.formats.manifest import sound_manifest
from headrace.stores import BlobStore

# Any, in this file: names of every type.

OUTSIDE = [
    "..",
    ".",
    "",
    "../other",
    "a/../../other",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "C:x",
    "~root",
    "a\0b",
    "a\n",
    "\u2025",
    "x" * 200,
]
USES: dict[str, Callable[[hr.Storage, Any], object]] = {
    "submit a dataset": lambda storage, name: storage.submit([1], name, "1.0"),
    "submit a version": lambda storage, name: storage.submit([1], "digits", name),
    "submit a parent": lambda storage, name: storage.submit(
        [1], "digits", "1.1", parent=name, mode="append"
    ),
    "fetch a dataset": lambda storage, name: storage.fetch(name),
    "fetch a version": lambda storage, name: storage.fetch("digits", name),
    "cacheable": lambda storage, name: storage.cacheable("digits", name),
    "store": lambda storage, name: storage.store(name),
    "set": lambda storage, name: storage.store("values").set(1, f"{name}/.."),
    "get": lambda storage, name: storage.store("values").get(f"{name}/.."),
    "versions": lambda storage, name: storage.versions(name),
    "log": lambda storage, name: storage.log(name),
    "describe": lambda storage, name: storage.describe("digits", name),
    "diff": lambda storage, name: storage.diff("digits", "1.0", name),
    "tag": lambda storage, name: storage.tag("digits", "1.0", name),
    "tag a version": lambda storage, name: storage.tag("digits", name, "good"),
    "untag": lambda storage, name: storage.untag("digits", name),
    "copy": lambda storage, name: storage.copy("digits", name, to=hr.Storage("memory://")),
    "copy as": lambda storage, name: storage.copy("digits", "1.0", to=storage, as_version=name),
    "delete": lambda storage, name: storage.delete("digits", name),
    "verify": lambda storage, name: storage.verify(name),
    "blobs": lambda storage, name: open_blobs(storage.url).get(f"{name}/.."),
}


def everything(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if not path.name.endswith(".lock")}


@pytest.mark.parametrize("use", USES)
def test_no_name_leaves_the_root(use: str, tmp_path: Path) -> None:
    storage = hr.Storage(tmp_path / "root")
    storage.submit([1], "digits", "1.0")
    (tmp_path / "other").write_text("not ours")
    before = everything(tmp_path)
    for name in OUTSIDE:
        with pytest.raises(InvalidName):
            USES[use](storage, name)
    assert everything(tmp_path) == before


def test_a_tag_that_points_outside_is_refused(tmp_path: Path) -> None:
    storage = hr.Storage(tmp_path)
    storage.submit([1], "digits", "1.0")
    storage.tag("digits", "1.0", "good")
    (path,) = tmp_path.glob("digits/tags/good*")
    path.write_bytes(path.read_bytes().replace(b"1.0", b"../../x"))
    with pytest.raises(IntegrityError, match="good"):
        storage.fetch("digits", "good")


def test_a_manifest_reads_no_file_outside(tmp_path: Path) -> None:
    secret = tmp_path / "secret.arrow"
    storage = hr.Storage(tmp_path / "root")
    storage.submit([1], "digits", "1.0")
    (shard,) = (tmp_path / "root" / "digits" / "shards").iterdir()
    shard.rename(secret)
    path = tmp_path / "root" / "digits" / "versions" / "1.0.json"
    for name in ("../../../secret", str(secret.with_suffix(""))):
        told = json.loads(path.read_bytes())
        told["shards"][0]["digest"] = name
        path.write_text(json.dumps(told))
        for read in (storage.fetch, storage.verify, storage.describe):
            with pytest.raises(IntegrityError, match="is no manifest: Expected `str` matching"):
                read("digits")
    assert secret.exists()


def test_what_could_not_be_read_again_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound_manifest, "MOST_PLACES", 10)
    storage = hr.Storage(tmp_path)
    with pytest.raises(IntegrityError, match=r"1 leaves in \d+ shards .* by shard_bytes="):
        storage.submit(range(100), "digits", "1.0", shard_bytes=8)
    assert storage.datasets() == []
    storage.submit(range(100), "digits", "1.0")


def test_links_are_followed_and_what_is_behind_them_is_compared(tmp_path: Path) -> None:
    """A folder of shards on another disk is common; that it holds others' files is not."""
    storage = hr.Storage(tmp_path / "root", trust="sha256")
    storage.submit([1, 2], "digits", "1.0")
    folder = tmp_path / "root" / "digits" / "shards"
    folder.rename(tmp_path / "disk")
    folder.symlink_to(tmp_path / "disk")
    assert storage.fetch("digits")[1] == 2
    (shard,) = (tmp_path / "disk").iterdir()
    (tmp_path / "private").write_bytes(b"x" * shard.stat().st_size)
    shard.unlink()
    shard.symlink_to(tmp_path / "private")
    with pytest.raises(IntegrityError, match="its SHA-256 is not its name"):
        storage.fetch("digits")[1]


def test_prune_removes_nothing_behind_a_link(tmp_path: Path) -> None:
    storage = hr.Storage(tmp_path / "root")
    storage.submit([1, 2], "digits", "1.0")
    others = tmp_path / "others" / "shards"
    others.mkdir(parents=True)
    kept = others / f"{'0' * 32}.arrow"
    kept.write_bytes(b"of another storage")
    (tmp_path / "root" / "digits" / "shards" / "more").symlink_to(others)
    storage.delete("digits", "1.0")
    assert len(storage.prune(grace_s=0).keys) == 2
    assert kept.read_bytes() == b"of another storage"


def test_links_in_a_circle_are_no_circle(tmp_path: Path) -> None:
    storage = hr.Storage(tmp_path)
    store = storage.store("values")
    store.set(1, "a")
    for name in ("b", "c"):
        (tmp_path / "values" / "values" / name).symlink_to(tmp_path / "values")
    assert list(store.keys()) == ["a"]


SETTER = """
import os, sys
import headrace as hr
store = hr.Storage(sys.argv[1]).store("values")
value = {"text": "a" * 1000, "numbers": list(range(1000))}
print("ready", flush=True)
number = 0
while True:
    store.set({**value, "number": number}, f"key-{number % 3}")
    number += 1
"""


@pytest.mark.slow
def test_s_b22_a_crash_leaves_whole_values_with_counts_checksums_and_random_access(
    tmp_path: Path,
) -> None:
    store = hr.Storage(tmp_path).store("values")
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", SETTER, str(tmp_path)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        while len(store) < 3:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        # Not atomic there: a crash left a cut file that was listed.
        assert sorted(store.keys()) == ["key-0", "key-1", "key-2"]
        values = map(store.get, store.keys())
        assert all(value["numbers"] == list(range(1000)) for value in values)
    # A tuple was wrapped as one record.
    store.set((1, "two"), "pair")
    assert store.get("pair") == (1, "two")
    path = tmp_path / "values" / "values" / "pair.arrows"
    path.write_bytes(path.read_bytes().replace(b"two", b"owt"))
    with pytest.raises(IntegrityError, match="its checksum differs"):
        store.get("pair")
    # Of many records: an index, a count, each by itself, and equal ones stored once.
    storage = hr.Storage(tmp_path)
    records = [(number, "x" * number) for number in range(50)]
    ref = storage.submit(records, "pairs", "1.0", shard_bytes=500)
    shards = sorted((tmp_path / "pairs" / "shards").iterdir())
    assert (len(ref), ref[17]) == (50, (17, "x" * 17))
    storage.submit(records, "pairs", "1.1", shard_bytes=500)
    assert sorted((tmp_path / "pairs" / "shards").iterdir()) == shards


class Counting:
    """Blobs that count what they are asked."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def asked(*args: Any, **kwargs: Any) -> Any:
            self.asked.append(name)
            return found(*args, **kwargs)

        return asked


def test_s_b23_nothing_is_asked_at_construction_and_a_listing_is_one_request(
    tmp_path: Path,
) -> None:
    # Nothing listens at this port of a machine that no one has: asking it would raise.
    options = {"endpoint": "http://127.0.0.1:9", "region": "x", "allow_http": "true"}
    assert hr.Storage("s3://bucket/folder", storage_options=options).store("values") is not None
    counting = Counting(open_blobs("memory://"))
    store = BlobStore(cast("Blobs", counting), "values")
    assert counting.asked == []
    for number in range(30):
        store.set(number, f"a/{number % 3}/{number}")
    counting.asked.clear()
    assert len(list(store.keys())) == 30
    assert counting.asked == ["list"]
    # The folder is made by the first `set`, as the documentation says.
    root = tmp_path / "not" / "there"
    local = hr.Storage(root).store("values")
    assert not root.exists()
    assert list(local.keys()) == []
    assert not root.exists()
    with pytest.raises(NotFound):
        local.get("a")
    local.set(np.arange(3), "deep/key")
    assert list(local.keys()) == ["deep/key"]
    assert os.path.isfile(root / "values" / "values" / "deep" / "key.arrows")
