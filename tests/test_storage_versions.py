"""What two versions share, and the story of each."""

from __future__ import annotations

import json
import platform
import re
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.versions import append, ids, manifest_of, rows, submit

import headrace as hr
from headrace.blobs import LocalBlobs, open_blobs
from headrace.contracts.errors import (
    IntegrityError,
    NotFound,
)
from headrace.formats import decode, encode
from headrace.storage import Storage

# Any, in this file: records are whatever a test makes.


@pytest.fixture(params=["local", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "memory":
        return Storage("memory://")
    return Storage(tmp_path / "root", durable=False)


def test_a_diff_counts_what_is_shared_and_what_is_not(storage: Storage) -> None:
    parent = manifest_of(submit(storage, rows(0, 100), "1.0", meta={"by": "ada", "n": 1}))
    child = manifest_of(append(storage, rows(100, 130), "1.1", "1.0", meta={"by": "bob", "m": 2}))
    diff = storage.diff("rows", "1.0", "1.1")
    assert (diff.shared.count, diff.shared.records) == (len(parent.shards), 100)
    assert diff.shared.size_bytes == parent.size_bytes
    assert (diff.only_a.count, diff.only_b.records, diff.appended) == (0, 30, 30)
    assert diff.only_b.size_bytes == child.size_bytes - parent.size_bytes
    assert diff.schema == ()
    assert list(map(str, diff.meta)) == ['~ by: "ada" -> "bob"', "- n: 1", "+ m: 2"]
    assert storage.diff("rows", "1.1", "1.0").appended is None


def test_a_diff_is_printed_as_a_table(storage: Storage) -> None:
    submit(storage, [{"id": n, "old": 1, "kept": 1} for n in range(3)], "1.0")
    submit(storage, [{"id": n, "new": "<b>", "kept": 1.0} for n in range(4)], "2.0")
    diff = storage.diff("rows", "1.0", "2.0")
    lines = str(diff).splitlines()
    assert lines[0] == "rows: 2.0 has other shards than 1.0"
    assert [line.split() for line in lines[2:4]] == [
        ["shards", "records", "bytes"],
        ["in", "both", "0", "0", "0"],
    ]
    assert [line.split()[:4] for line in lines[4:6]] == [
        ["only", "1.0", "1", "3"],
        ["only", "2.0", "1", "4"],
    ]
    assert lines[6:] == ["", "schema", "  - old: int", "  ~ kept: int -> float", "  + new: str"]
    assert diff._repr_html_().startswith("<pre>rows: 2.0")


def test_a_diff_says_where_records_were_appended_and_where_they_are_the_same(
    storage: Storage,
) -> None:
    submit(storage, range(3), "1.0")
    submit(storage, range(3), "2.0")
    append(storage, [None], "2.1", "2.0")
    assert str(storage.diff("rows", "1.0", "2.0")).startswith("rows: 2.0 has the records of 1.0")
    diff = storage.diff("rows", "1.0", "2.1")
    assert str(diff).startswith("rows: 2.1 appends 1 record to 1.0")
    assert list(map(str, diff.schema)) == ["~ record: int -> int | None"]


def test_a_shard_that_is_listed_twice_counts_twice(storage: Storage) -> None:
    submit(storage, rows(0, 3), "1.0")
    append(storage, rows(0, 3), "1.1", "1.0")
    diff = storage.diff("rows", "1.0", "1.1")
    assert (diff.shared.count, diff.only_b.count, diff.appended) == (1, 1, 3)
    assert storage.log("rows").versions[0].new_bytes == 0


def test_the_log_tells_the_story_of_each_version(storage: Storage) -> None:
    submit(storage, rows(0, 100), "1.0", meta={"note": "the first"})
    append(storage, rows(100, 130), "1.1", "1.0")
    storage.tag("rows", "1.1", "good")
    log = storage.log("rows")
    new, old = log.versions
    assert (new.version, new.parent, new.tags, new.records) == ("1.1", "1.0", ("good",), 130)
    assert (old.version, old.parent, old.tags, old.records) == ("1.0", None, (), 100)
    assert new.size_bytes == old.size_bytes + new.new_bytes
    assert old.new_bytes == old.size_bytes
    assert old.meta == {"note": "the first"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", new.when)
    assert (new.made.python, new.made.headrace) == (platform.python_version(), hr.__version__)
    assert new.made.by.endswith(f"@{platform.node()}")
    title, first, second = str(log).split("\n\n")
    assert title == f"rows in {storage.url}, 2 versions, the newest first"
    assert first.startswith(f"rows 1.1 (good) from 1.0, {new.when}\n  130 records, ")
    assert second.endswith("note: the first")


def test_the_log_in_a_notebook_is_a_table_in_which_nothing_is_markup(storage: Storage) -> None:
    submit(storage, rows(0, 2), "1.0", meta={"note": "<script>"})
    page = storage.log("rows")._repr_html_()
    assert page.count("<tr>") == 2
    assert "note: &lt;script&gt;" in page
    assert "<script>" not in page


def test_a_version_is_described_by_its_name_a_tag_or_as_the_newest(storage: Storage) -> None:
    submit(storage, rows(0, 2), "1.0", meta={"n": [1]})
    submit(storage, rows(0, 3), "2.0")
    storage.tag("rows", "1.0", "good")
    assert storage.describe("rows").version == "2.0"
    about = storage.describe("rows", "good")
    assert about == storage.describe("rows", "1.0")
    assert (about.meta, about.identity) == ({"n": [1]}, storage.fetch("rows", "1.0").identity)
    assert str(about.schema) == "{'id': int, 'x': int64[20]}"
    assert str(about).startswith("rows 1.0 (good), ")
    with pytest.raises(NotFound, match="no version 'god' of rows .*'good'"):
        storage.describe("rows", "god")
    with pytest.raises(NotFound, match="no dataset 'row' in .*'rows'"):
        storage.log("row")


def test_a_note_that_differs_in_its_end_is_a_change(storage: Storage) -> None:
    submit(storage, rows(0, 1), "1.0", meta={"note": "x" * 100 + "a"})
    submit(storage, rows(0, 1), "2.0", meta={"note": "x" * 100 + "b"})
    diff = storage.diff("rows", "1.0", "2.0")
    (change,) = diff.meta
    assert (change.before, change.after) == (f'"{"x" * 100}a"', f'"{"x" * 100}b"')
    assert str(change) == f'~ note: "{"x" * 58}… -> "{"x" * 58}…'


def damage(root: Path, version: str) -> None:
    open_blobs(root).put(f"rows/versions/{version}.json", b"{", replace=True)


def test_the_log_lists_around_a_damaged_version(tmp_path: Path) -> None:
    storage = Storage(tmp_path, durable=False)
    for number in range(3):
        submit(storage, rows(0, number + 1), f"{number}.0")
    damage(tmp_path, "1.0")
    log = storage.log("rows")
    assert [one.version for one in log.versions] == ["2.0", "0.0"]
    (unread,) = log.unread
    assert unread.version == "1.0"
    assert unread.reason.startswith("rows/versions/1.0.json is no manifest: ")
    assert str(log).startswith(f"rows in {storage.url}, 3 versions, the newest first")
    assert str(log).endswith(f"rows 1.0 cannot be read: {unread.reason}")
    assert "is no manifest" in log._repr_html_()
    assert storage.describe("rows", "0.0").records == 1
    with pytest.raises(IntegrityError, match=r"versions/1.0.json is no manifest"):
        storage.describe("rows", "1.0")
    damage(tmp_path, "2.0")
    with pytest.raises(IntegrityError, match=r"versions/2.0.json is no manifest"):
        storage.describe("rows")


def test_a_damaged_version_is_deleted_and_submitted_again_as_its_error_says(
    tmp_path: Path,
) -> None:
    storage = Storage(tmp_path, durable=False)
    submit(storage, rows(0, 1), "1.0")
    damage(tmp_path, "1.0")
    with pytest.raises(IntegrityError, match="delete the version and submit it again"):
        storage.fetch("rows", "1.0")
    storage.delete("rows", "1.0")
    assert ids(submit(storage, rows(0, 2), "1.0")) == [0, 1]
    with pytest.raises(IntegrityError, match=r"retired/1.0\..* Prune again once it is older than"):
        storage.prune()
    # The retired manifest, and the shard that only it may have named.
    assert len(storage.prune(grace_s=0).keys) == 2
    assert ids(storage.fetch("rows")) == [0, 1]


@dataclass(frozen=True)
class WaitingBlobs(LocalBlobs):
    """Files, of which manifests are read only while another is."""

    both: threading.Barrier = field(default_factory=lambda: threading.Barrier(2, timeout=60))

    def get(self, key: str) -> bytes:
        if "/versions/" in key:
            self.both.wait()
        return super().get(key)

    def aside(self, prefix: str) -> WaitingBlobs:
        return replace(self, unfinished=prefix)


def test_the_log_asks_for_manifests_at_once(tmp_path: Path) -> None:
    for version in ("1.0", "2.0"):
        submit(Storage(tmp_path, durable=False), rows(0, 1), version)
    log = Storage(WaitingBlobs(tmp_path)).log("rows")
    assert [one.version for one in log.versions] == ["2.0", "1.0"]


def test_what_made_a_version_is_no_part_of_its_identity(tmp_path: Path) -> None:
    storage = Storage(tmp_path, durable=False)
    ref = submit(storage, rows(0, 3), "1.0")
    key = "rows/versions/1.0.json"
    blobs = open_blobs(tmp_path)
    kept = json.loads(blobs.get(key))
    assert kept["made"].keys() <= {"by", "python", "headrace", "script"}
    old = {name: value for name, value in kept.items() if name != "made"}
    blobs.put(key, json.dumps(old).encode(), replace=True)
    again = storage.fetch("rows", "1.0")
    assert again.identity == ref.identity
    assert encode(manifest_of(again)) == encode(decode(json.dumps(old).encode(), key=key))
    assert storage.describe("rows").made.by == ""
    assert ids(append(storage, rows(3, 4), "1.1", "1.0")) == [0, 1, 2, 3]
