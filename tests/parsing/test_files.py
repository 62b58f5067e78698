"""What names a file becomes a File; what is listed comes sorted, each once."""

from __future__ import annotations

import os
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, RecordError, StorageError
from headrace.parsing.files import listed, opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ["b.txt", "a.txt", "deep/c.bin"]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"of {name}")
    return tmp_path


@pytest.mark.parametrize(
    "kind",
    [Path, str, lambda path: f"file://{path}", lambda path: opened(path)],
    ids=["path", "text", "address", "File"],
)
def test_a_record_that_names_a_file_is_opened(folder: Path, kind: Any) -> None:
    file = opened(kind(folder / "a.txt"))
    assert (str(file), file.name) == (str(folder / "a.txt"), "a.txt")
    with file.open() as read:
        assert (read.read(2), read.read()) == (b"of", b" a.txt")
    assert pickle.loads(pickle.dumps(file)) == file


@pytest.mark.parametrize(
    "record",
    [b"ten", bytearray(b"ten"), memoryview(b"ten"), {"path": "in/a.txt", "bytes": b"ten"}],
    ids=lambda record: type(record).__name__,
)
def test_a_record_that_holds_bytes_is_opened(record: Any) -> None:
    file = opened(record)
    assert file.read() == b"ten"
    assert str(file) == ("in/a.txt" if isinstance(record, dict) else "bytes in memory")


@pytest.mark.parametrize("record", [3, None, {"path": "a"}, ["a"]], ids=repr)
def test_a_record_that_stands_for_no_file_is_refused(record: Any) -> None:
    message = f"a file was expected, got {type(record).__name__}. Give a path"
    with pytest.raises(RecordError, match=message):
        hr.stream([record]).open().collect()
    with pytest.raises(RecordError, match=message):
        hr.stream([record]).flat_map(hr.parse.lines()).collect()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("s4://bucket/a", r"no file can be read from s4://, .* Did you mean one of 's3'"),
        ("memory://a", "memory:// begins empty each time. Pass the records themselves"),
        ("file://host/a", "a file:// address needs three slashes"),
        ("s3://bucket", r"an address of files was expected, got 's3://bucket'\. Write it like"),
        ("s3:///a", "an address of files was expected, got 's3:///a'"),
    ],
)
def test_addresses_of_other_kinds_are_refused(address: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        hr.from_files([address])
    with pytest.raises(ArgumentError, match=message):
        hr.stream([address]).open().map(lambda file: file.read()).collect()


@pytest.mark.parametrize("options", [3, [("region", "x")], {1: 2}], ids=repr)
def test_options_are_a_dict_by_names(options: Any) -> None:
    with pytest.raises(ArgumentError, match="storage_options must be a dict by names, got"):
        hr.stream(["a"]).open(storage_options=options)


def test_options_are_not_printed() -> None:
    secret = {"secret_access_key": "hush", "client_options": {"user_agent": "hush"}}
    file = opened("s3://bucket/a", listed_options(secret))
    assert "hush" not in repr(file)
    assert pickle.loads(pickle.dumps(file)) == file


def listed_options(options: dict[str, Any]) -> Any:
    return hr.stream(["a"]).open(storage_options=options).node.stages[0].fn.options  # type: ignore[attr-defined]


def test_a_folder_gives_paths_inside_it(folder: Path) -> None:
    found = hr.from_files(folder).collect()
    assert [record["path"] for record in found] == ["a.txt", "b.txt", "deep/c.bin"]
    assert found[2]["bytes"] == b"of deep/c.bin"
    assert hr.from_files(f"file://{folder}").collect() == found


def test_patterns_files_and_lists_give_paths_as_found_each_once(folder: Path) -> None:
    asked: list[Any] = [folder / "b.txt", str(folder / "*.txt"), folder / "deep"]
    found = [record["path"] for record in hr.from_files(asked)]
    assert found == [str(folder / name) for name in ("a.txt", "b.txt", "deep/c.bin")]
    assert [record["bytes"] for record in hr.from_files(folder / "a.txt")] == [b"of a.txt"]
    assert [str(file) for file in hr.from_files(asked).open()] == found


def test_files_are_read_from_any_position_and_reordered(folder: Path) -> None:
    stream = hr.from_files(folder)
    assert len(stream) == 3
    assert stream.skip(1).take(1).collect()[0]["path"] == "b.txt"
    files = stream.shuffle(3, seed=1).open()
    assert sorted(file.read() for file in files) == [b"of a.txt", b"of b.txt", b"of deep/c.bin"]


@pytest.mark.parametrize("reorder", ["open", "take", "shard", "shuffle"])
def test_opened_files_are_not_read_before(folder: Path, reorder: str) -> None:
    stream = hr.from_files(folder)
    reordered = {
        "open": stream,
        "take": stream.take(3),
        "shard": stream.shard(0, 1),
        "shuffle": stream.shuffle(2, seed=1),
    }[reorder]
    for path in ("a.txt", "b.txt", "deep/c.bin"):
        os.unlink(folder / path)
    names = {file.name for file in reordered.open()}
    assert names == {"a.txt", "b.txt", "c.bin"}
    with pytest.raises(StorageError, match=r"txt was to be read, and cannot be: .*No such file"):
        reordered.collect()


def test_files_can_be_filtered_before_they_are_opened(folder: Path) -> None:
    texts = hr.from_files(folder).filter(lambda record: record["path"].endswith(".txt")).open()
    assert [(str(file), file.read()) for file in texts] == [
        ("a.txt", b"of a.txt"),
        ("b.txt", b"of b.txt"),
    ]


def test_the_identity_counts_the_files(folder: Path) -> None:
    assert re.fullmatch(r"files\[a.txt, 3 files, [0-9a-f]{8}\]", listed(folder).identity)
    assert listed(folder).unread().identity == listed(folder).identity
    (folder / "empty").mkdir()
    assert (len(listed(folder / "empty")), listed(folder / "empty").identity) == (0, "files[none]")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("c.txt", r"a file or folder was expected, got .*c\.txt': nothing is there"),
        ("*.csv", r"a file at least was expected, and '.*\*\.csv' matches none"),
    ],
)
def test_what_is_not_there_is_refused(folder: Path, asked: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        hr.from_files(folder / asked)
    with pytest.raises(ArgumentError, match=r"paths must name a file at least, got \[\]"):
        hr.from_files([])
