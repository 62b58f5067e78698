"""Values in a storage are files that appear whole, are checked, and open anywhere."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import EncodedImage
from headrace.contracts.errors import IntegrityError, InvalidName, RecordError, StorageError
from headrace.deferred import pyarrow as pa


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_s_b23_the_folder_is_made_by_the_first_set_and_not_before(tmp_path: Path) -> None:
    store = hr.Storage(tmp_path / "root").store("shards")

    assert (len(store), "a" in store) == (0, False)
    assert not (tmp_path / "root").exists()

    store.set(1, "a")
    assert files(tmp_path) == ["root/shards/values/a.arrows"]


def test_stores_and_datasets_of_one_name_do_not_meet(tmp_path: Path) -> None:
    storage = hr.Storage(tmp_path)
    store = storage.store("digits")
    store.set([1, 2], "0123456789abcdef")
    assert storage.datasets() == []

    storage.submit([5, 6], "digits", "1")
    storage.delete("digits", "1")
    storage.prune(grace_s=0)

    assert storage.datasets() == []
    assert store.get("0123456789abcdef") == [1, 2]
    assert list(storage.store("other").keys()) == []


@pytest.mark.parametrize("name", ["", "../x", "a/b", "~x", ".x"])
def test_a_name_that_could_leave_the_root_is_refused(name: str) -> None:
    with pytest.raises(InvalidName, match=r"a store name must be.*such as 'digits'"):
        hr.Storage("memory://").store(name)


def test_a_store_compares_and_pickles_by_its_place(tmp_path: Path) -> None:
    store = hr.Storage(tmp_path).store("s")
    store.set({"x": 1}, "a")

    again = pickle.loads(pickle.dumps(store))

    assert again == store
    assert again.get("a") == {"x": 1}


def test_any_tool_of_arrow_opens_a_value(tmp_path: Path) -> None:
    hr.Storage(tmp_path).store("s").set([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], "k")

    table = pa.ipc.open_stream(tmp_path / "s" / "values" / "k.arrows").read_all()

    assert table.to_pylist() == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]


@pytest.mark.parametrize("what", ["cut", "empty", "bit"])
def test_a_damaged_value_is_found_by_get(tmp_path: Path, what: str) -> None:
    store = hr.Storage(tmp_path).store("s")
    store.set({"x": np.arange(1000)}, "k")
    path = tmp_path / "s" / "values" / "k.arrows"
    good = path.read_bytes()
    flipped = good[:900] + bytes([good[900] ^ 1]) + good[901:]
    path.write_bytes({"cut": good[:-1], "empty": b"", "bit": flipped}[what])

    with pytest.raises(IntegrityError, match=r"k\.arrows in .* is damaged: its checksum differs"):
        store.get("k")


def test_an_image_that_is_none_is_an_error_of_its_record(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    store = hr.Storage(tmp_path).store("s")
    store.set({"image": EncodedImage(b"no image")}, "k")

    with pytest.raises(RecordError, match=r"the image 'image' of the key 'k' cannot be read"):
        store.get("k")


def test_a_read_only_array_stays_what_it_was_when_its_key_is_set_again(tmp_path: Path) -> None:
    store = hr.Storage(tmp_path).store("s")
    store.set(np.arange(5), "k")

    before = store.get("k")
    store.set(np.zeros(3), "k")

    np.testing.assert_array_equal(before, np.arange(5))
    assert not before.flags.writeable


def test_a_crash_in_the_middle_of_set_leaves_the_old_value(tmp_path: Path) -> None:
    store = hr.Storage(tmp_path).store("s")
    store.set("old", "k")
    program = (
        "import os, sys, headrace as hr\n"
        "os.replace = lambda *paths: os.kill(os.getpid(), 9)\n"
        f"hr.Storage({str(tmp_path)!r}).store('s').set('new', 'k')\n"
    )

    died = subprocess.run([sys.executable, "-c", program]).returncode

    assert died == -9
    assert store.get("k") == "old"
    assert list(store.keys()) == ["k"]
    left = [name for name in files(tmp_path) if name != "s/values/k.arrows"]
    assert len(left) == 1
    assert left[0].startswith("s/values/~")


def test_a_place_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("a file where the folder should be")

    with pytest.raises(StorageError, match="cannot write"):
        hr.Storage(tmp_path).store("s").set(1)
