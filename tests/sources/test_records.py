"""Records by index over sequences, arrays and files."""

from __future__ import annotations

import errno
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.block import rows
from headrace.contracts.errors import ArgumentError
from headrace.contracts.records import Records, identity_of, read_ahead_of
from headrace.sources import ArrayRecords, FileRecords, SequenceRecords

COUNT = 50
indices = st.lists(st.integers(0, COUNT - 1)).map(lambda found: np.array(found, np.int64))


class Counted:
    """A sequence that notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> int:
        self.asked.append(index)
        return 10 * index


class CountedAtOnce(Counted):
    """One that is asked for many indices in one call."""

    def __getitems__(self, indices: list[int]) -> list[int]:
        self.asked.extend(indices)
        return [10 * index for index in indices]

    def __getitem__(self, index: int) -> int:
        raise AssertionError("it offers __getitems__")


@given(asked=indices)
def test_a_users_sequence_is_asked_for_exactly_what_is_read(asked: Any) -> None:
    for sequence in (Counted(), CountedAtOnce()):
        records = SequenceRecords(sequence)
        assert records.read(asked) == [10 * index for index in asked.tolist()]
        assert sequence.asked == asked.tolist()
        assert read_ahead_of(records) == 0


@given(
    asked=indices
    | st.tuples(st.integers(0, 40), st.integers(0, 10)).map(
        lambda span: np.arange(span[0], span[0] + span[1])
    )
)
def test_sequences_in_memory_give_their_members(asked: Any) -> None:
    for sequence in (list(range(COUNT)), tuple(range(COUNT)), range(COUNT), np.arange(COUNT)):
        records: SequenceRecords[int] = SequenceRecords(sequence)
        assert [int(record) for record in rows(records.read(asked))] == asked.tolist()
        assert read_ahead_of(records) == 16_384


def test_an_array_gives_views_of_its_rows() -> None:
    block = SequenceRecords(np.arange(6).reshape(3, 2)).read(np.array([2]))
    assert rows(block)[0].tolist() == [4, 5]


def test_sequence_records_say_what_they_are() -> None:
    records = SequenceRecords([1, 2])
    assert isinstance(records, Records)
    assert identity_of(records) == "list[2]"
    assert len(pickle.loads(pickle.dumps(records))) == 2


@pytest.mark.parametrize("wrong", [iter([1]), {"a": 1}, 7], ids=["iterator", "dict", "int"])
def test_what_is_no_sequence_is_refused(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match="needs __len__ and __getitem__ by number"):
        SequenceRecords(wrong)


@given(asked=indices)
def test_arrays_are_gathered_column_by_column(asked: Any) -> None:
    arrays = {"x": np.arange(COUNT * 2).reshape(COUNT, 2), "name": [str(n) for n in range(COUNT)]}
    columns = ArrayRecords(arrays).read(asked)
    assert [record["name"] for record in columns] == [str(index) for index in asked.tolist()]
    assert [record["x"][0] for record in columns] == (2 * asked).tolist()


def test_files_are_sorted_and_read_whole(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.bin", "a.txt", "a/b/c.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "round").symlink_to(tmp_path)
    records = FileRecords(tmp_path)
    read = records.read(np.arange(len(records)))
    assert [record["path"] for record in read] == ["a.txt", "a/b/c.txt", "a/z.bin", "b.txt"]
    assert all(record["bytes"] == record["path"].encode() for record in read)
    assert records.read(np.array([3, 0]))[0]["path"] == "b.txt"


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="a folder of files was expected"):
        FileRecords(tmp_path / "missing")


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.txt").write_bytes(b"1")
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    message = r"a folder of files must be readable, got '.*closed': Permission denied. Change its"
    with pytest.raises(ArgumentError, match=message):
        FileRecords(tmp_path)
