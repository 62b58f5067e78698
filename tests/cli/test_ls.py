"""`headrace ls`: datasets and versions, also where one is damaged, and where nothing is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.cli.conftest import Headrace

import headrace as hr


def test_datasets_and_versions_are_listed(headrace: Headrace, digits: str) -> None:
    headrace("submit", "made:numbers", digits, "2.0")
    overview = headrace("ls").out.splitlines()
    versions = headrace("ls", digits).out.splitlines()

    assert overview[0].split() == [
        "dataset",
        "newest",
        "versions",
        "records",
        "size",
        "made",
        "(UTC)",
    ]
    assert overview[1].split()[:4] == ["digits", "2.0", "2", "3"]
    assert [line.split()[:2] for line in versions[1:]] == [["1.0", "20"], ["2.0", "3"]]


def test_json_has_the_same_keys_for_both(headrace: Headrace, digits: str) -> None:
    overview, versions = headrace("ls", "--json").json, headrace("ls", digits, "--json").json

    assert [list(entry) for entry in overview + versions] == 2 * [
        ["dataset", "version", "versions", "records", "size_bytes", "shards", "made", "error"]
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", overview[0]["made"])


def test_a_damaged_version_does_not_hide_the_others(
    headrace: Headrace, digits: str, tmp_path: Path
) -> None:
    headrace("submit", "made:numbers", "numbers", "1.0")
    (tmp_path / "headrace-data" / digits / "versions" / "1.0.json").write_text("{", "utf-8")
    lines = {line.split()[0]: line.split()[1:4] for line in headrace("ls").out.splitlines()}
    errors = {one["dataset"]: one["error"] for one in headrace("ls", "--json").json}

    assert lines["digits"] == ["1.0", "1", "IntegrityError"]
    assert lines["numbers"] == ["1.0", "1", "3"]
    assert "is no manifest" in errors["digits"]
    assert errors["numbers"] is None


def test_the_storage_is_that_of_the_option_then_of_the_environment(
    headrace: Headrace, digits: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        headrace("submit", "made:numbers", name, "1.0", "--storage", str(tmp_path / name))
    monkeypatch.setenv("HEADRACE_STORAGE", str(tmp_path / "one"))

    assert [entry["dataset"] for entry in headrace("ls", "--json").json] == ["one"]
    chosen = headrace("ls", "--json", "--storage", f"file://{tmp_path}/two").json
    assert [entry["dataset"] for entry in chosen] == ["two"]


def test_an_unknown_name_lists_the_near_ones(headrace: Headrace, digits: str) -> None:
    ended = headrace("ls", "digit")

    assert ended.code == 2
    assert "there is no dataset 'digit' in " in ended.err
    assert "Did you mean one of 'digits'?" in ended.err


def test_a_folder_with_leases_is_named_by_the_environment(
    headrace: Headrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = str(tmp_path / "shared")
    hr.Storage(root, locks="leases").submit([1], "a", "1.0")
    assert "renewed by their holders" in headrace("rm", "a", "1.0", "--yes", "--storage", root).err
    monkeypatch.setenv("HEADRACE_LOCKS", "leases")
    assert headrace("rm", "a", "1.0", "--yes", "--storage", root).code == 0
    monkeypatch.setenv("HEADRACE_LOCKS", "nfs")
    ended = headrace("ls", "--storage", root)
    assert ended.code == 2
    assert "HEADRACE_LOCKS must be one of flock, leases, got 'nfs'" in ended.err


def test_a_storage_that_is_not_there_is_a_wrong_call(headrace: Headrace, tmp_path: Path) -> None:
    (tmp_path / "cachet").mkdir()
    ended = headrace("ls", "--storage", "cache")

    assert ended.code == 2
    assert "there is no storage at " in ended.err
    assert "Did you mean one of 'cachet'? Give --storage URL, or set HEADRACE_STORAGE." in ended.err
    assert headrace("ls", "--storage", "cachet").out == f"no datasets in {tmp_path}/cachet\n"


@pytest.mark.parametrize("command", [("ls",), ("submit", "made.py", "n", "1")])
def test_a_storage_that_is_a_file_is_a_wrong_call(
    headrace: Headrace, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "made.py").touch()

    ended = headrace(*command, "--storage", "made.py")

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "there is a file at " in ended.err
    assert "made.py, and a storage is a folder. Give --storage URL" in ended.err
