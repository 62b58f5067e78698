"""What a path stands for is told by the names of the files there."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.sources import FileRecords, from_path
from headrace.sources.files.open import FORMATS

TABLE = pa.table({"n": [1, 2]})
ROWS = [{"n": 1}, {"n": 2}]
LINES = ["n", "1", "2"]


def write(folder: Path, name: str) -> Path:
    """A file of the format that its name says, of two records."""
    path = folder / name
    suffix = name[name.index(".") :].lower()
    match suffix.removesuffix(".gz"):
        case ".csv" | ".tsv" | ".txt" | ".text" | ".md":
            content = b"n\n1\n2\n"
        case ".jsonl" | ".ndjson":
            content = b'{"n": 1}\n{"n": 2}\n'
        case _:
            _write_binary(path, suffix)
            return path
    path.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    return path


def _write_binary(path: Path, suffix: str) -> None:
    match suffix:
        case ".npy":
            np.save(path, np.array([1, 2]))
        case ".npz":
            np.savez(path, n=np.array([1, 2]))
        case ".parquet" | ".pq":
            parquet.write_table(TABLE, path)
        case ".arrow" | ".feather":
            feather.write_feather(TABLE, path)
        case _:
            (path.parent / "0.n").write_text("1")
            with tarfile.open(path, "w" if suffix == ".tar" else "w:gz") as tar:
                for key in ("0", "1"):
                    tar.add(path.parent / "0.n", f"{key}.n")
            (path.parent / "0.n").unlink()


def read(path: Any) -> list[Any]:
    return hr.stream(path).collect()


def plain(record: Any) -> Any:
    return record if isinstance(record, str) else {"n": int(record["n"])}


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_is_read_by_its_suffix(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path, f"name{suffix}")
    found = read(path)
    if suffix == ".npy":
        assert [int(record) for record in found] == [1, 2]
    elif "tar" in suffix or "tgz" in suffix:
        assert found == [{"__key__": "0", "n": b"1"}, {"__key__": "1", "n": b"1"}]
    else:
        expected: Any = LINES if isinstance(found[0], str) else ROWS
        assert list(map(plain, found)) == expected


def test_a_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    path = write(tmp_path, "N.CSV")
    assert read(path) == ROWS


def test_a_pattern_gives_its_files_as_one(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl")
    write(tmp_path, "b.ndjson")
    write(tmp_path, "c.txt")
    pattern = tmp_path / "*.*json*"
    assert read(pattern) == ROWS + ROWS


@pytest.mark.parametrize(
    "names",
    [
        ["a.csv", "b.csv.gz", "_SUCCESS", ".DS_Store"],
        ["a.jsonl", "b.ndjson"],
        ["a.pq", "b.parquet"],
    ],
    ids=str,
)
def test_a_folder_of_one_format_gives_the_records_in_it(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        if name[0] in "._":
            (tmp_path / name).touch()
        else:
            write(tmp_path, name)
    assert read(tmp_path) == ROWS + ROWS


@pytest.mark.parametrize(
    "names", [["a.csv", "b.jsonl"], ["a.csv", "README"], ["a.txt", "b.txt"], ["a.npy"], []], ids=str
)
def test_any_other_folder_gives_its_files(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"n\n1\n")
    found = from_path(tmp_path)
    assert isinstance(found, FileRecords)
    assert list(found.paths) == sorted(names)


def test_an_unknown_suffix_lists_those_that_are_known(tmp_path: Path) -> None:
    (tmp_path / "a.jsnl").touch()
    message = r"ends in \.csv, .*\.parquet.* was expected, got 'a\.jsnl'\. Did you mean \.jsonl\?"
    with pytest.raises(ArgumentError, match=message):
        from_path(tmp_path / "a.jsnl")
    (tmp_path / "Makefile").touch()
    with pytest.raises(
        ArgumentError, match=r"got 'Makefile'\. Rename it, or name its format: hr\."
    ):
        from_path(tmp_path / "Makefile")


def test_a_missing_path_lists_the_near_names(tmp_path: Path) -> None:
    write(tmp_path, "people.csv")
    with pytest.raises(
        ArgumentError, match=r"nothing is there\. Did you mean one of 'people\.csv'"
    ):
        read(tmp_path / "peple.csv")


def test_a_pattern_of_two_formats_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.csv")
    write(tmp_path, "a.jsonl")
    with pytest.raises(ArgumentError, match=r"stands for files in \.csv, \.jsonl\. Name those"):
        from_path(tmp_path / "a.*")


def test_arrays_are_read_one_file_at_a_time(tmp_path: Path) -> None:
    write(tmp_path, "a.npy")
    write(tmp_path, "b.npy")
    with pytest.raises(
        ArgumentError, match=r"one array file was expected, got 2, the first .*a\.npy"
    ):
        from_path(tmp_path / "*.npy")


def test_the_policy_reaches_the_format(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{\n1\n")
    found = from_path(tmp_path / "a.jsonl", on_error="skip")
    assert read(found) == [1]
    with pytest.raises(ArgumentError, match="on_error must be"):
        from_path(tmp_path / "a.jsonl", on_error="ignore")  # type: ignore[arg-type]
