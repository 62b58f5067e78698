"""LMDB files in YogaDL's own layout: written, read, and imported by the command."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
import headrace.compat.yogadl as yogadl
from headrace.cli.application import run
from headrace.compat.yogadl import lmdb as writing
from headrace.compat.yogadl.dataref import LMDBDataRef
from headrace.contracts.errors import ArgumentError, NotFound, PickleRefused, VersionExists

# Any, in this file: lmdb has no types.
RECORDS = [{"image": np.full((2, 2), n, np.uint8), "label": np.int64(n)} for n in range(12)]


@pytest.fixture
def lmdb() -> Any:
    return pytest.importorskip("lmdb")


@pytest.fixture
def cache(lmdb: Any, tmp_path: Path) -> Path:
    path = tmp_path / "cache.mdb"
    assert yogadl.serialize_generator_to_lmdb(iter(RECORDS), None, None, path) == len(RECORDS)
    return path


def in_yogadls_layout(lmdb: Any, path: Path, records: list[Any]) -> Path:
    """What YogaDL 0.1.4 leaves: pickles by number, the list of keys, shapes and types."""
    keys = [f"{number:08}".encode("ascii") for number in range(len(records))]
    about = {b"__keys__": keys, b"__shapes__": "shapes", b"__types__": "types"}
    with (
        lmdb.open(str(path), subdir=False, map_size=2**24) as database,
        database.begin(write=True) as transaction,
    ):
        for key, value in [*zip(keys, records, strict=True), *about.items()]:
            transaction.put(key, pickle.dumps(value, protocol=-1))
    return path


def test_what_is_written_is_yogadls_own_layout(lmdb: Any, cache: Path) -> None:
    with (
        lmdb.open(str(cache), subdir=False, readonly=True, lock=False) as database,
        database.begin() as transaction,
    ):
        found = {key: pickle.loads(value) for key, value in transaction.cursor()}

    assert found.pop(b"__keys__") == sorted(found.keys() - {b"__shapes__", b"__types__"})
    assert (found.pop(b"__shapes__"), found.pop(b"__types__")) == (None, None)
    assert list(found) == [b"%08d" % n for n in range(12)]
    assert [record["label"] for record in found.values()] == list(range(12))
    assert [path.name for path in cache.parent.iterdir()] == ["cache.mdb"]
    (cache.parent / "other").touch()
    assert cache.stat().st_mode == (cache.parent / "other").stat().st_mode


def test_an_old_cache_is_read_by_key_and_by_stream(lmdb: Any, tmp_path: Path) -> None:
    path = in_yogadls_layout(lmdb, tmp_path / "old.mdb", list(range(10)))
    access = yogadl.LmdbAccess(path, allow_pickle=True)
    ref = LMDBDataRef(path, allow_pickle=True)

    assert access.get_keys() == [b"%08d" % n for n in range(10)]
    assert (access.get_shapes(), access.get_types()) == ("shapes", "types")
    assert access.read_value_by_key(b"00000007") == 7
    assert len(ref) == len(ref.native) == 10
    stream = ref.stream(start_offset=5, shuffle=True, shuffle_seed=777)
    assert (stream.output_types, stream.output_shapes) == ("types", "shapes")
    assert list(stream) == [5, 1, 9, 6, 7]
    with pytest.raises(NotFound, match=r"b'x' was asked of .*old.mdb', which has no such key"):
        access.read_value_by_key(b"x")


def test_headraces_own_reader_leaves_out_what_describes_the_records(cache: Path) -> None:
    assert len(hr.from_lmdb(cache, allow_pickle=True).collect()) == len(RECORDS)


def test_y_b16_no_pickle_of_a_cache_is_read_unasked(cache: Path) -> None:
    for opener in (yogadl.LmdbAccess, LMDBDataRef):
        with pytest.raises(PickleRefused, match=r"as TensorPack and YogaDL write"):
            opener(cache)


def test_y_b4_a_map_that_grows_loses_no_record(
    lmdb: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MAP_BYTES", 2**16)
    records = [bytes([n]) * 50_000 for n in range(40)]
    path = tmp_path / "cache.mdb"
    count = yogadl.serialize_generator_to_lmdb(iter(records), None, None, path, write_frequency=7)

    assert count == 40
    assert list(LMDBDataRef(path, allow_pickle=True).stream()) == records


def test_y_b3_a_write_that_fails_leaves_no_file(lmdb: Any, tmp_path: Path) -> None:
    def broken() -> Any:
        yield 1
        raise KeyError("bad luck")

    with pytest.raises(KeyError, match="bad luck"):
        yogadl.serialize_generator_to_lmdb(broken(), None, None, tmp_path / "cache.mdb")
    assert list(tmp_path.iterdir()) == []


def test_y_b17_a_cache_is_opened_twice_and_travels(cache: Path) -> None:
    first, second = (LMDBDataRef(cache, allow_pickle=True) for _ in range(2))
    one = next(iter(first.stream()))
    again = pickle.loads(pickle.dumps(second.native))

    assert one["label"] == again[0]["label"] == 0


def test_nothing_is_written_over_or_nowhere(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(VersionExists, match="is there already"):
        yogadl.serialize_generator_to_lmdb(iter([1]), None, None, cache)
    with pytest.raises(ArgumentError, match="its folder does not exist"):
        yogadl.serialize_generator_to_lmdb(iter([1]), None, None, tmp_path / "no" / "cache.mdb")
    with pytest.raises(ArgumentError, match="write_frequency must be a whole number"):
        yogadl.serialize_generator_to_lmdb(iter([1]), None, None, tmp_path / "c.mdb", 0)


@pytest.mark.parametrize("name", ["cache.mdb", "folder"])
def test_the_command_imports_an_old_cache(
    lmdb: Any,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(name)
    if name == "folder":
        path.mkdir()
        path = path / "data.mdb"
    in_yogadls_layout(lmdb, path, RECORDS)

    assert run(("submit", name, "digits", "1.0")) == 2
    assert "If you trust who wrote it, pass --allow-pickle." in capsys.readouterr().err
    assert run(("submit", name, "digits", "1.0", "--allow-pickle", "--json")) == 0
    assert json.loads(capsys.readouterr().out)["records"] == len(RECORDS)
    # Arrays are stored as arrays: to read them, nothing need be trusted.
    ref = hr.Storage("headrace-data").fetch("digits", "1.0")
    assert [record["label"] for record in ref.stream()] == list(range(12))
    assert ref[7]["image"].tolist() == [[7, 7], [7, 7]]
