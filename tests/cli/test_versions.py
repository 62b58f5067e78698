"""`headrace log`, `diff`, `tag`, `untag`, `cp`, and versions that are appended."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Headrace

import headrace as hr

APPENDED = ("submit", "made:digits", "digits", "1.1", "--parent", "1.0", "--mode", "append")


@pytest.fixture
def versions(headrace: Headrace, digits: str) -> str:
    """A dataset of version 1.0, and 1.1 with as many records behind it."""
    assert headrace(*APPENDED, "--meta", "by=bob").code == 0
    return digits


def test_submit_appends_to_a_version_or_a_tag(
    headrace: Headrace, digits: str, tmp_path: Path
) -> None:
    headrace("tag", digits, "1.0", "good")

    ended = headrace("submit", "made:digits", digits, "1.1", "--parent", "good", "--mode", "append")

    assert ended.out.startswith("digits 1.1: 40 records, ")
    ref = hr.Storage(tmp_path / "headrace-data").fetch(digits, "1.1")
    assert [ref[20]["label"], ref[39]["label"]] == [0, 9]


def test_a_parent_without_a_mode_names_the_option(headrace: Headrace, digits: str) -> None:
    ended = headrace(*APPENDED[:-2])

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("headrace: --parent 1.0 was given without a mode, ")
    assert ended.err.endswith("Say --mode append to put the new records behind them.\n")


def test_the_log_is_told_for_people_and_for_scripts(headrace: Headrace, versions: str) -> None:
    headrace("tag", versions, "1.1", "good")
    told, found = headrace("log", versions).out, headrace("log", versions, "--json").json

    assert "digits 1.1 (good) from 1.0, " in told
    assert "made.digits" in told
    assert [list(entry) for entry in found] == 2 * [
        [
            *("dataset", "version", "identity", "made", "by", "python", "headrace", "script"),
            *("function", "fingerprint", "records", "size_bytes", "new_bytes", "shards"),
            *("parent", "tags", "meta", "error"),
        ]
    ]
    new, old = found
    assert (new["version"], new["parent"], new["tags"]) == ("1.1", "1.0", ["good"])
    # The same 20 records: an equal shard, stored once.
    assert (new["records"], new["new_bytes"]) == (40, 0)
    assert (old["version"], old["parent"], old["meta"]) == ("1.0", None, {"by": "ada"})
    assert headrace("show", versions, "1.0", "--json").json["made"] == old["made"]


def test_the_log_goes_on_behind_a_damaged_version(
    headrace: Headrace, versions: str, tmp_path: Path
) -> None:
    path = tmp_path / "headrace-data/digits/versions/1.0.json"
    path.chmod(0o644)
    path.write_text("{")
    told, found = headrace("log", versions), headrace("log", versions, "--json").json

    assert (told.code, told.err) == (0, "")
    assert "digits 1.0 cannot be read: digits/versions/1.0.json is no manifest" in told.out
    new, old = found
    assert list(new) == list(old)
    assert (new["version"], new["error"]) == ("1.1", None)
    assert (old["version"], old["records"]) == ("1.0", None)
    assert "is no manifest" in old["error"]
    # As the error says.
    assert headrace("rm", versions, "1.0", "--yes").code == 0


def test_what_steers_a_terminal_in_a_note_is_written_as_an_escape(
    headrace: Headrace, made: str
) -> None:
    headrace("submit", "made:numbers", "numbers", "1.0", "--meta", "by=\x1b[31mred")
    headrace("submit", "made:numbers", "numbers", "1.1")

    for told in (headrace("log", "numbers").out, headrace("diff", "numbers", "1.0", "1.1").out):
        assert "\x1b" not in told
        assert "red" in told


def test_two_versions_are_compared(headrace: Headrace, versions: str) -> None:
    told = headrace("diff", versions, "1.0", "1.1").out
    found = headrace("diff", versions, "1.0", "1.1", "--json").json

    assert told.startswith("digits: 1.1 appends 20 records to 1.0\n")
    assert list(found) == [
        *("dataset", "a", "b", "appended", "shared", "only_a", "only_b", "schema", "meta")
    ]
    assert (found["appended"], found["shared"]["shards"]) == (20, 1)
    assert found["only_a"] == {"shards": 0, "records": 0, "size_bytes": 0}
    assert (found["only_b"]["shards"], found["only_b"]["records"]) == (1, 20)
    assert found["schema"] == []
    assert found["meta"] == [{"name": "by", "before": '"ada"', "after": '"bob"'}]


def test_a_tag_stands_for_a_version_until_it_is_taken_away(
    headrace: Headrace, versions: str
) -> None:
    assert headrace("tag", versions, "1.0", "good").out == "digits good is 1.0\n"
    moved = headrace("tag", versions, "1.1", "good", "--json").json
    assert (moved["version"], moved["tag"]) == ("1.1", "good")
    assert headrace("show", versions, "good", "--json").json["version"] == "1.1"
    assert headrace("head", versions, "good", "-n", "1").code == 0
    assert headrace("verify", versions, "good").out.startswith("digits 1.1: ")
    refused = headrace("rm", versions, "1.1", "--yes")
    assert refused.code == 2
    assert "digits 1.1 has the tags good, which would then name nothing" in refused.err
    assert headrace("untag", versions, "good").out == "digits good is no tag any more\n"
    again = headrace("untag", versions, "good")
    assert again.code == 2
    assert "there is no tag 'good' of digits" in again.err


def test_a_copy_takes_what_is_missing(headrace: Headrace, versions: str, tmp_path: Path) -> None:
    headrace("tag", versions, "1.1", "good")
    headrace("submit", "made:numbers", versions, "2.0")
    first = headrace("cp", "headrace-data", "digits@1.0", "copy")
    second = headrace("cp", "headrace-data", "digits@good", f"file://{tmp_path}/copy", "--json")
    newest = headrace("cp", "headrace-data", "digits", "copy", "--as-version", "9", "--json").json

    assert first.out.startswith("digits 1.0: 1 shard copied, ")
    assert first.out.endswith(f"; 0 there already, in {tmp_path}/copy\n")
    assert list(second.json) == [
        *("storage", "from", "dataset", "version", "records"),
        *("shards_copied", "size_bytes", "shards_shared"),
    ]
    assert (second.json["version"], second.json["records"]) == ("1.1", 40)
    assert (second.json["shards_copied"], second.json["shards_shared"]) == (0, 1)
    assert (newest["version"], newest["records"], newest["shards_copied"]) == ("9", 3, 1)
    assert headrace("verify", "--storage", "copy").code == 0
    here, there = headrace("log", "digits", "--json"), headrace("ls", "digits", "--storage", "copy")
    assert here.json[0]["made"][:16].replace("T", " ") in there.out.splitlines()[-1]


def test_a_copy_that_cannot_be_says_why(headrace: Headrace, digits: str) -> None:
    headrace("submit", "made:numbers", digits, "1.0", "--storage", "other")
    for arguments, told in (
        (
            ("headrace-data", "digits@1.0", "other"),
            "Copy it as another version by --as-version, or",
        ),
        (("headrace-data", "digits@2.0", "other"), "no version '2.0' of digits"),
        (("headrace-data", "digits@", "other"), "a version name must be 1 to 128 letters"),
        (("headrace-dat", "digits", "other"), "one of 'headrace-data'? Give a folder or an add"),
        (("headrace-data", "digits", "made.py"), "there is a file at "),
    ):
        ended = headrace("cp", *arguments)
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        assert told in ended.err


def test_by_what_shards_are_named_the_environment_says(
    headrace: Headrace, digits: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEADRACE_TRUST", "sha256")
    refused = headrace("cp", "headrace-data", "digits@1.0", "copy")
    assert refused.code == 1
    assert "names its shards by xxh3" in refused.err
    assert headrace("submit", "made:digits", digits, "2.0").code == 0
    assert headrace("cp", "headrace-data", "digits@2.0", "copy").code == 0
    (shard,) = (tmp_path / "copy/digits/shards").iterdir()
    assert len(shard.stem) == 64
    monkeypatch.setenv("HEADRACE_TRUST", "md5")
    ended = headrace("log", digits)
    assert ended.code == 2
    assert "HEADRACE_TRUST must be one of xxh3, sha256, got 'md5'. Set it to " in ended.err


def test_pickles_are_copied_unread(headrace: Headrace, made: str) -> None:
    headrace("submit", "made:objects", "objects", "1.0", "--allow-pickle")

    assert headrace("cp", "headrace-data", "objects", "copy").code == 0
