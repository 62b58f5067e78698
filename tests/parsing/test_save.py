"""Each record becomes a file of its own, whole or not at all, inside the folder."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import headrace as hr
from headrace.contracts.errors import (
    ArgumentError,
    InvalidName,
    RecordError,
    StorageError,
    VersionExists,
)
from headrace.parsing.save import Save
from headrace.testing import check_stage


def files_in(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def numbered(n: int) -> tuple[str, str]:
    return f"{n % 3}/{n}.txt", f"text {n}"


def test_saving_conforms(tmp_path: Path) -> None:
    check_stage(
        lambda stream: stream.map(numbered).save(tmp_path),
        lambda records: (str(tmp_path / numbered(n)[0]) for n in records),
    )
    assert files_in(tmp_path) == {numbered(n)[0]: numbered(n)[1].encode() for n in range(24)}


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (("a.bin", b"ten"), "a.bin"),
        (("a.txt", "ten"), "a.txt"),
        (("a", bytearray(b"ten")), "a"),
        ({"path": "in/a.txt", "bytes": b"ten"}, "in/a.txt"),
        (hr.parse.File.holding("in/a.txt", b"ten"), "a.txt"),
    ],
    ids=["bytes", "text", "buffer", "archive", "File"],
)
def test_records_that_have_a_name(tmp_path: Path, record: Any, name: str) -> None:
    assert hr.stream([record]).save(tmp_path / "new").collect() == [str(tmp_path / "new" / name)]
    assert files_in(tmp_path) == {f"new/{name}": b"ten"}


def test_a_function_names_the_files(tmp_path: Path) -> None:
    paths = hr.stream(["ä", "b"]).save(tmp_path, name=lambda text: f"{text}.txt").collect()
    assert paths == [str(tmp_path / "ä.txt"), str(tmp_path / "b.txt")]
    assert files_in(tmp_path) == {"ä.txt": "ä".encode(), "b.txt": b"b"}
    pairs = hr.stream([("x", b"1")]).save(tmp_path, name=lambda pair: pair[0] + ".bin")
    assert pairs.collect() == [str(tmp_path / "x.bin")]
    assert (tmp_path / "x.bin").read_bytes() == b"1"


@pytest.mark.parametrize(
    "name", ["../a", "/a", "in/../../a", "", ".", "..", "a//b", "a\\b", "a\0b"], ids=repr
)
def test_names_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidName, match="needs a name that stays in it, got .* Pass name="):
        hr.stream([(name, b"1")]).save(tmp_path / "in").collect()
    assert files_in(tmp_path) == {}


def test_two_records_of_one_name_are_refused_unless_they_are_equal(tmp_path: Path) -> None:
    twice = [("a", b"1"), ("a", b"1")]
    assert hr.stream(twice).save(tmp_path).join() == 2
    with pytest.raises(VersionExists, match=r"/a is there already.* or say replace=True"):
        hr.stream([("a", b"2")]).save(tmp_path).join()
    assert files_in(tmp_path) == {"a": b"1"}
    assert hr.stream([("a", b"2")]).save(tmp_path, replace=True).join() == 1
    assert files_in(tmp_path) == {"a": b"2"}


def test_a_folder_under_the_name_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(VersionExists, match="/a is there already"):
        hr.stream([("a", b"2")]).save(tmp_path).join()
    (tmp_path / "c").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot write .*/c: File exists"):
        hr.stream([("c/b", b"2")]).save(tmp_path).join()


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"ten", "a file needs a name, got None for a record of type bytes"),
        ((3, b"ten"), "a file needs a name, got 3 for a record of type tuple"),
        (("a", 3), "bytes, text or a File was expected, got int"),
        (("a", None), "bytes, text or a File was expected, got NoneType"),
        (("a", "t\udc80"), r"text that UTF-8 can hold was expected, got 't.* Save bytes, such"),
    ],
    ids=repr,
)
def test_records_that_cannot_be_written_leave_nothing(
    tmp_path: Path, record: Any, message: str
) -> None:
    with pytest.raises(RecordError, match=message):
        hr.stream([record]).save(tmp_path).collect()
    assert files_in(tmp_path) == {}


def test_a_file_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(b"no gzip")
    files = hr.from_files([tmp_path / "a.gz"]).open().map(hr.parse.decompress())
    with pytest.raises(StorageError, match=r"a\.gz was to be read, and cannot be"):
        files.save(tmp_path / "out").collect()
    assert files_in(tmp_path / "out") == {}


def test_an_error_of_the_name_function_is_its_own(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        hr.stream([b"1"]).save(tmp_path, name=lambda record: str(1 / 0)).collect()


def test_names_are_given_by_a_function(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"name must be a function .*, got 'a'\. Pass one such"):
        hr.stream([b"1"]).save(tmp_path, name="a")  # type: ignore[arg-type]


@pytest.mark.parametrize("folder", ["s3://bucket/a", "file:///tmp/a", 3, None], ids=repr)
def test_a_folder_is_one_of_this_machine(folder: Any) -> None:
    with pytest.raises(ArgumentError, match=r"save writes to a folder of this machine, got"):
        hr.stream([b"1"]).save(folder)


def test_the_folder_means_the_same_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save = pickle.loads(pickle.dumps(Save("out")))
    monkeypatch.chdir("/")
    assert save(("a", b"1")) == str(tmp_path / "out" / "a")


def test_of_many_writers_of_one_name_one_wins(tmp_path: Path) -> None:
    def write(n: int) -> bool:
        try:
            Save(tmp_path)(("a", bytes([n]) * 1000))
        except VersionExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(32))) == 1
    assert len(set(files_in(tmp_path)["a"])) == 1
    assert os.listdir(tmp_path) == ["a"]


def test_files_are_copied_out_of_archives_and_back(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        made.writestr("in/a.txt", b"ten")
    hr.from_files([tmp_path / "a.zip"]).open().flat_map(hr.parse.zip()).save(
        tmp_path / "out"
    ).join()
    assert files_in(tmp_path / "out") == {"in/a.txt": b"ten"}
    assert hr.from_files(tmp_path / "out").save(tmp_path / "again").join() == 1
    assert files_in(tmp_path / "again") == {"in/a.txt": b"ten"}
