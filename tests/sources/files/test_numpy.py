"""Array files are columns: .npy by a memory map, .npz by name."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.block import Columns
from headrace.contracts.errors import ArgumentError, PickleRefused
from headrace.sources.files.numpy import numpy_source


def test_a_npy_is_mapped_and_a_record_is_a_row(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.float32).reshape(6, 2, 2)
    np.save(tmp_path / "x.npy", array)

    records = numpy_source(tmp_path / "x.npy")
    (leaf,) = records.columns.leaves

    # Its memory is that of the map: what it is a view of is no array that was read.
    assert isinstance(leaf, np.ndarray)
    assert isinstance(leaf.base, np.memmap) or isinstance(leaf, np.memmap)
    assert len(records) == 6
    np.testing.assert_array_equal(records.read(np.array([5, 0])).stack(), array[[5, 0]])


def test_a_npz_is_a_dict_of_columns_and_is_stored_as_such(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.eye(3), name=np.array(["a", "b", "c"]))

    stream = hr.from_numpy(tmp_path / "d.npz")
    stored = hr.Storage("memory://").submit(tmp_path / "d.npz", "d", "1")

    for record in (stream.collect()[1], stored[1]):
        assert record["name"] == "b"
        np.testing.assert_array_equal(record["x"], [0, 1, 0])


def test_an_array_of_no_rows_gives_no_records(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((0, 3)))

    block = numpy_source(tmp_path / "x.npy").columns

    assert isinstance(block, Columns)
    assert list(block) == []


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"x": np.arange(3), "y": np.arange(2)},
            r"d\.npz.*one common length, got \{'x': 3, 'y': 2",
        ),
        ({"x": np.arange(3), "y": np.array(1)}, r"d\.npz.*first axis, got a single number"),
        ({}, r"d\.npz.*need an array at least"),
    ],
    ids=["lengths", "number", "empty"],
)
def test_arrays_that_are_no_columns_are_refused_by_the_files_name(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    np.savez(tmp_path / "d.npz", **arrays)

    with pytest.raises(ArgumentError, match=message):
        numpy_source(tmp_path / "d.npz")


class Bomb:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


def test_pickles_are_refused_and_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    objects = np.array([Bomb(trace)], dtype=object)
    np.save(tmp_path / "o.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "o.npz", fine=np.arange(1), bad=objects)

    with pytest.raises(PickleRefused, match=r"o\.npy holds Python objects"):
        numpy_source(tmp_path / "o.npy")
    with pytest.raises(PickleRefused, match=r"o\.npz, array 'bad' holds Python objects"):
        numpy_source(tmp_path / "o.npz")
    assert not trace.exists()


def test_what_is_no_whole_array_file_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "cut.npy", np.arange(100))
    whole = (tmp_path / "cut.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-8])
    (tmp_path / "text.npy").write_text("1,2,3")
    np.savez(tmp_path / "bad.npz", x=np.arange(100))
    zipped = bytearray((tmp_path / "bad.npz").read_bytes())
    zipped[300] ^= 1
    (tmp_path / "bad.npz").write_bytes(zipped)

    with pytest.raises(ArgumentError, match=r"cut\.npy is damaged: mmap length"):
        numpy_source(tmp_path / "cut.npy")
    with pytest.raises(ArgumentError, match=r"text\.npy.*does not begin as one"):
        numpy_source(tmp_path / "text.npy")
    with pytest.raises(ArgumentError, match=r"bad\.npz, array 'x' is damaged: Bad CRC"):
        numpy_source(tmp_path / "bad.npz")
    with pytest.raises(ArgumentError, match=r"nothing is there.*cut\.npy"):
        numpy_source(tmp_path / "cot.npy")


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        (b"PK\x01\x02", r"d\.npz is damaged: Bad magic number"),
        (b"", r"d\.npz, array 'x' is damaged: .*Write it again"),
    ],
    ids=["directory", "values"],
)
def test_a_damaged_npz_is_told(tmp_path: Path, mark: bytes, message: str) -> None:
    path = tmp_path / "d.npz"
    np.savez_compressed(path, x=np.arange(10_000))
    content = bytearray(path.read_bytes())
    start = content.rfind(mark) if mark else 100
    content[start : start + 4] = b"\xff" * 4
    path.write_bytes(content)
    with pytest.raises(ArgumentError, match=message):
        numpy_source(path)


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_a_copy_in_another_process_reads_the_file_again(tmp_path: Path, name: str) -> None:
    array = np.arange(80_000.0).reshape(1000, 80)
    saves: dict[str, Any] = {"x.npy": np.save, "x.npz": np.savez}
    saves[name](tmp_path / name, array)
    records = numpy_source(tmp_path / name)

    sent = pickle.dumps(records)

    assert len(sent) < 1000
    np.testing.assert_array_equal(pickle.loads(sent).read(np.array([7])).leaves[0], array[7:8])
