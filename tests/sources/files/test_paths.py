"""A path, a pattern, a folder or a list stands for files, sorted, each once."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Any

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, StateError
from headrace.sources.files.paths import matched, names_of

SUFFIXES = (".csv", ".csv.gz")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ["b.csv", "a.csv", "c.txt", "deep/d.CSV", "deep/e.csv.gz", ".h.csv", "_x.csv"]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def names(folder: Path, paths: Any) -> list[str]:
    found = matched(paths, suffixes=SUFFIXES)
    return [path.relative_to(folder).as_posix() for path in found]


def test_a_file_stands_for_itself_whatever_its_name(folder: Path) -> None:
    assert names(folder, folder / "c.txt") == ["c.txt"]
    assert names(folder, str(folder / "c.txt")) == ["c.txt"]


def test_a_folder_stands_for_its_files_with_a_suffix(folder: Path) -> None:
    assert names(folder, folder) == ["a.csv", "b.csv", "deep/d.CSV", "deep/e.csv.gz"]


def test_hidden_folders_in_a_folder_are_left_out(folder: Path) -> None:
    for name in (".ipynb_checkpoints", "_temporary"):
        (folder / name).mkdir()
        (folder / name / "a.csv").touch()
    assert names(folder, folder) == ["a.csv", "b.csv", "deep/d.CSV", "deep/e.csv.gz"]


def test_a_folder_that_cannot_be_listed_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("deep"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    message = r"a folder of files must be readable, got '.*deep': Permission denied\. Change its"
    with pytest.raises(ArgumentError, match=message):
        names(folder, folder)


def test_a_path_that_may_not_be_looked_at_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refuse)
    with pytest.raises(ArgumentError, match=r"must be readable, got '.*a\.csv': Permission denied"):
        names(folder, folder / "a.csv")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.csv", ["_x.csv", "a.csv", "b.csv"]),
        ("[ab].csv", ["a.csv", "b.csv"]),
        ("**/?.*", ["a.csv", "b.csv", "c.txt", "deep/d.CSV", "deep/e.csv.gz"]),
        ("dee*", None),
    ],
    ids=str,
)
def test_a_pattern_stands_for_the_files_it_matches(
    folder: Path, pattern: str, expected: list[str] | None
) -> None:
    if expected is None:
        with pytest.raises(ArgumentError, match=r"file at least was expected, and '.*dee\*' match"):
            names(folder, str(folder / pattern))
        return
    assert names(folder, str(folder / pattern)) == expected
    assert names(folder, folder / pattern) == expected


def test_a_list_gives_each_file_once(folder: Path) -> None:
    paths = [folder / "b.csv", str(folder / "*.csv"), folder / "deep"]
    assert names(folder, paths) == ["_x.csv", "a.csv", "b.csv", "deep/d.CSV", "deep/e.csv.gz"]


def test_a_file_with_a_bracket_in_its_name_is_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "a[1].csv").touch()
    (tmp_path / "a1.csv").touch()
    assert names(tmp_path, tmp_path / "a[1].csv") == ["a[1].csv"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("a.cvs", r"expected, got '.*a\.cvs': nothing is there\. Did you mean one of 'a\.csv'"),
        ("shallow/a.csv", r"nothing is there\. There is no folder '.*shallow' either"),
        ("*.cvs", r"'.*\*\.cvs' matches none\. Did you mean one of 'b\.csv'"),
        ("shallow/*", r"'.*shallow/\*' matches none\. Check the folder and the pattern"),
    ],
    ids=str,
)
def test_what_is_not_there_lists_the_near_names(folder: Path, asked: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        matched(folder / asked, suffixes=SUFFIXES)


def test_a_folder_without_such_files_says_what_it_holds(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(
        ArgumentError, match=r"files in \.jsonl .*has none\. It holds .*\.csv, \.gz"
    ):
        matched(folder, suffixes=[".jsonl"])
    with pytest.raises(ArgumentError, match=r"has none\. It is empty"):
        matched(folder / "empty", suffixes=[".jsonl"])
    with pytest.raises(ArgumentError, match=r"nothing is there\. It is empty"):
        matched(folder / "empty" / "a", suffixes=[".jsonl"])


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], r"paths must name a file at least, got \[\]"),
        ([7], "a path must be a str or pathlib.Path, got int"),
        (7, "a path must be a str or pathlib.Path, got int"),
        (b"a.csv", "a path must be a str or pathlib.Path, got bytes"),
        ("", "a path must name a file or folder, got ''"),
    ],
    ids=str,
)
def test_other_values_are_no_paths(paths: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        matched(paths, suffixes=SUFFIXES)


def test_the_name_of_files_says_how_many() -> None:
    assert names_of("csv", [Path("x/a.csv")]) == "csv[a.csv, 1 file]"
    two = names_of("csv", [Path("x/a.csv"), Path("b.csv")])
    assert re.fullmatch(r"csv\[a.csv, 2 files, [0-9a-f]{8}\]", two)
    assert two != names_of("csv", [Path("x/a.csv"), Path("c.csv")])


def test_a_state_does_not_load_on_other_files_of_the_same_number(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text(name)
    state = hr.DataLoader(hr.from_files(tmp_path)).state_dict()
    (tmp_path / "b.txt").rename(tmp_path / "d.txt")
    with pytest.raises(StateError, match="saved with data"):
        hr.DataLoader(hr.from_files(tmp_path)).load_state_dict(state)
