"""Datasets of equal length in an HDF5 file are the fields of records."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, IntegrityError, MissingExtra
from headrace.sources.foreign.hdf5 import Hdf5Records, hdf5_source
from headrace.testing import check_records

# Any, in this file: h5py has no types.
COUNT = 40


@pytest.fixture
def h5py() -> Any:
    return pytest.importorskip("h5py")


@pytest.fixture
def path(h5py: Any, tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "d.h5", "w") as file:
        images = np.arange(COUNT * 6, dtype=np.uint8).reshape(COUNT, 2, 3)
        file.create_dataset("image", data=images, chunks=(8, 2, 3), compression="gzip")
        file["deep/label"] = np.arange(COUNT)
        file["name"] = [f"n{number}" for number in range(COUNT)]
        file["code"] = np.array([b"%02d" % number for number in range(COUNT)])
        ragged = file.create_dataset("ragged", (COUNT,), dtype=h5py.vlen_dtype(np.int32))
        for number in range(COUNT):
            ragged[number] = np.arange(number % 4)
        file["deep/version"] = 3
        file["nothing"] = h5py.Empty("f4")
    return tmp_path / "d.h5"


def expected(number: int) -> dict[str, Any]:
    image = np.arange(number * 6, number * 6 + 6).astype(np.uint8).reshape(2, 3)
    return {
        "code": np.bytes_(b"%02d" % number),
        "deep/label": np.int64(number),
        "image": image,
        "name": f"n{number}",
        "ragged": np.arange(number % 4, dtype=np.int32),
    }


def test_records_have_a_field_for_each_dataset_with_a_first_axis(path: Path) -> None:
    records = hdf5_source(path)

    check_records(records, [expected(number) for number in range(COUNT)])
    assert len(hr.from_hdf5(path)) == COUNT


def test_datasets_can_be_named_and_are_stored_as_they_are(path: Path) -> None:
    stream = hr.from_hdf5(str(path), ["name", "image"])

    ref = hr.Storage("memory://").submit(stream.take(3), "d", "1")

    assert [list(record) for record in ref.stream()] == [["name", "image"]] * 3
    assert ref[2]["name"] == "n2"
    np.testing.assert_array_equal(ref[2]["image"], expected(2)["image"])


def test_threads_read_the_same(path: Path) -> None:
    records = hdf5_source(path)
    failures: list[int] = []

    def read(seed: int) -> None:
        for index in np.random.default_rng(seed).integers(0, COUNT, (10, 5)):
            labels = [record["deep/label"] for record in records.read(index)]
            failures.extend([seed] * (labels != index.tolist()))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # other tests leave threads
def test_a_forked_process_opens_the_file_anew(path: Path) -> None:
    records = hdf5_source(path)
    records.read(np.array([0]))
    child = os.fork()
    if child == 0:
        found = records.read(np.array([7])).stack()
        os._exit(0 if found["name"] == ["n7"] else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert records.read(np.array([8])).stack()["name"] == ["n8"]


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        (["imag"], r"there is no dataset 'imag' in .*Did you mean one of 'image'"),
        ("image", r"datasets must be a list of names, got 'image'\. Pass one such as \['x'"),
        ([5], r"datasets must be a list of names, got \[5\]"),
        (["image", "deep/version"], r"of one length.*'image': 40, 'deep/version': None"),
        ([], r"of one length were expected in .*, got none"),
    ],
    ids=["unknown", "text", "number", "scalar", "none"],
)
def test_names_that_are_no_columns_are_refused(path: Path, datasets: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        hr.from_hdf5(path, datasets)


def test_links_and_names_from_the_root_can_be_named(h5py: Any, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "d.h5", "w") as file, h5py.File(tmp_path / "e.h5", "w") as other:
        file["x"], other["y"] = np.arange(3), np.arange(3) * 2
        file["soft"], file["far"] = h5py.SoftLink("/x"), h5py.ExternalLink("e.h5", "y")

    stream = hr.from_hdf5(tmp_path / "d.h5", ["/x", "soft", "far"])

    assert stream.collect()[2] == {"/x": 2, "soft": 2, "far": 4}


def test_datasets_of_different_lengths_have_to_be_chosen(h5py: Any, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["x"], file["y"] = np.arange(3), np.arange(2)

    with pytest.raises(ArgumentError, match=r"got \{'x': 3, 'y': 2\}\. Name those"):
        hr.from_hdf5(tmp_path / "d.h5")
    assert hr.from_hdf5(tmp_path / "d.h5", ["y"]).collect() == [{"y": 0}, {"y": 1}]


def test_a_file_that_is_missing_or_of_another_kind_is_refused(h5py: Any, tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_text("text")

    with pytest.raises(ArgumentError, match=r"d\.h5': nothing is there.*'d\.txt'"):
        hr.from_hdf5(tmp_path / "d.h5")
    with pytest.raises(ArgumentError, match=r"an HDF5 file was expected, and .*d\.txt' cannot be"):
        hr.from_hdf5(tmp_path / "d.txt")
    with pytest.raises(ArgumentError, match=r"a file was expected, got the folder .*Pass a file"):
        hr.from_hdf5(tmp_path)


def test_a_file_that_goes_is_an_integrity_error(path: Path) -> None:
    records = hdf5_source(path)
    path.unlink()

    with pytest.raises(IntegrityError, match=r"d\.h5' cannot be opened any more"):
        records.read(np.array([0]))


def test_a_damaged_chunk_is_an_integrity_error(path: Path) -> None:
    payload = bytearray(path.read_bytes())
    for start in range(len(payload) - 1):
        if bytes(payload[start : start + 2]) == b"\x78\x5e":  # how a compressed chunk begins
            payload[start + 2 : start + 12] = bytes(10)
    path.write_bytes(payload)
    records: Hdf5Records = hdf5_source(path, ["image"])

    with pytest.raises(IntegrityError, match=r"d\.h5' cannot be read: .*damaged"):
        records.read(np.arange(COUNT))


def test_without_h5py_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)

    with pytest.raises(MissingExtra, match=r"pip install 'headrace\[hdf5\]'"):
        hr.from_hdf5(tmp_path / "d.h5")
