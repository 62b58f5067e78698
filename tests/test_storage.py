"""Storage as its users see it: submit, fetch, list, delete, verify, prune."""

from __future__ import annotations

import itertools
import json
import logging
import os
import pickle
import re
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.blobs import Lease, open_blobs
from headrace.contracts.errors import (
    ArgumentError,
    IntegrityError,
    InvalidName,
    NotFound,
    PickleRefused,
    RecordError,
    StorageError,
    VersionExists,
)
from headrace.dataref import DataRef
from headrace.storage import Storage


@pytest.fixture(params=["local", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "memory":
        return Storage("memory://")
    return Storage(tmp_path / "root", durable=False)


@pytest.fixture
def local(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "root", durable=False)


def records_of(ref: Any) -> list[Any]:
    return list(ref.read(np.arange(len(ref))))


def files_of(storage: Storage, pattern: str = "*") -> list[Path]:
    # Lock files stay: removing one would part those who wait at it.
    found = Path(storage.url).rglob(pattern)
    return sorted(path for path in found if path.is_file() and path.suffix != ".lock")


def some(count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return ({"id": n, "x": rng.random(50)} for n in range(count))


def test_what_is_submitted_is_fetched(storage: Storage) -> None:
    submitted = storage.submit(({"id": n, "name": str(n)} for n in range(100)), "digits", "1.0")
    assert records_of(submitted) == [{"id": n, "name": str(n)} for n in range(100)]
    assert records_of(storage.fetch("digits", "1.0")) == records_of(submitted)


@pytest.mark.parametrize("source", [list, iter, lambda found: lambda: found], ids=repr)
def test_sources_of_many_kinds_are_stored(
    storage: Storage, source: Callable[[list[int]], Any]
) -> None:
    assert records_of(storage.submit(source([1, 2]), "digits", "1.0")) == [1, 2]


def test_arrays_a_ref_and_a_folder_are_stored(local: Storage, tmp_path: Path) -> None:
    arrays = local.submit({"x": np.eye(3), "y": np.arange(3)}, "arrays", "1.0")
    assert arrays[2]["x"].tolist() == [0, 0, 1]
    again = local.submit(local.fetch("arrays"), "again", "1.0")
    assert again[1]["y"] == 1
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_bytes(b"jpeg")
    assert records_of(local.submit(photos, "photos", "1.0")) == [
        {"path": "a.jpg", "bytes": b"jpeg"}
    ]


def test_the_layout_is_the_documented_one(local: Storage) -> None:
    local.submit(some(100), "digits", "1.0", shard_bytes=10_000)
    root = Path(local.url)
    manifest = json.loads((root / "digits/versions/1.0.json").read_text())
    named = sorted(f"{shard['digest']}.arrow" for shard in manifest["shards"])
    assert len(named) > 2
    assert sorted(path.name for path in (root / "digits/shards").iterdir()) == named
    assert len(files_of(local)) == len(named) + 1


def test_no_records_are_a_version_too(storage: Storage) -> None:
    assert len(storage.submit([], "digits", "1.0")) == 0
    assert len(storage.fetch("digits")) == 0
    assert storage.verify("digits").shard_count == 0


def test_versions_and_datasets_are_listed_oldest_first(local: Storage) -> None:
    for number, (dataset, version) in enumerate([("b", "2"), ("a", "9"), ("b", "10"), ("b", "1")]):
        local.submit([1], dataset, version)
        manifest = Path(local.url, dataset, "versions", f"{version}.json")
        os.utime(manifest, ns=(0, 10**9 * (number + 1)))
    assert local.datasets() == ["b", "a"]
    assert local.versions("b") == ["2", "10", "1"]
    assert len(local.fetch("b")) == 1


def test_the_newest_version_is_the_one_committed_last(local: Storage) -> None:
    for version in ("2.0", "1.0", "0.5"):
        local.submit([version], "digits", version)
        os.utime(Path(local.url, f"digits/versions/{version}.json"), ns=(10**9, 10**9))
    # Committed at one time: the name decides.
    assert local.fetch("digits")[0] == "2.0"
    os.utime(Path(local.url, "digits/versions/1.0.json"), ns=(2 * 10**9, 2 * 10**9))
    assert local.fetch("digits")[0] == "1.0"


def test_a_version_is_immutable_unless_replaced(storage: Storage) -> None:
    storage.submit([1], "digits", "1.0")
    with pytest.raises(VersionExists, match=r"digits 1.0 is in .* pass replace=True"):
        storage.submit([2], "digits", "1.0")
    assert records_of(storage.fetch("digits")) == [1]
    storage.submit([3], "digits", "1.0", replace=True)
    assert records_of(storage.fetch("digits")) == [3]


def test_a_second_submit_at_once_waits_and_then_finds_the_version(storage: Storage) -> None:
    second_waits = threading.Event()
    errors: list[Exception] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            second_waits.set()

    def second() -> None:
        try:
            storage.submit([2], "digits", "1.0")
        except VersionExists as error:
            errors.append(error)

    other = threading.Thread(target=second)

    def source() -> Iterator[int]:
        yield 1
        other.start()
        assert second_waits.wait(30)
        yield 1

    log, listener = logging.getLogger("headrace"), Listener()
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(listener)
    try:
        storage.submit(source(), "digits", "1.0")
        other.join()
    finally:
        log.removeHandler(listener)
        log.setLevel(level)
    assert "digits 1.0 is in" in str(errors[0])
    assert records_of(storage.fetch("digits")) == [1, 1]


def test_a_builder_that_lost_its_lease_cannot_publish(local: Storage) -> None:
    local.submit([1], "digits", "1.0")
    folder = Path(local.url, "digits/versions")

    def source() -> Iterator[int]:
        yield 2
        # Somebody else publishes in the meantime, as if no lease were held.
        shutil.copy(folder / "1.0.json", folder / "2.0.json")

    with pytest.raises(VersionExists, match=r"2.0.json is there already, and is written once"):
        local.submit(source(), "digits", "2.0")
    assert records_of(local.fetch("digits", "2.0")) == [1]


def test_open_readers_survive_replace_delete_and_prune_in_grace(storage: Storage) -> None:
    old = storage.submit(some(40, seed=1), "digits", "1.0", shard_bytes=4000)
    storage.submit(some(40, seed=2), "digits", "1.0", shard_bytes=4000, replace=True)
    new = storage.fetch("digits")
    storage.delete("digits", "1.0")
    assert storage.prune().keys == ()
    assert [record["id"] for record in records_of(old)] == list(range(40))
    assert [record["id"] for record in records_of(new)] == list(range(40))
    assert len(storage.prune(grace_s=0).keys) > 2


def test_prune_keeps_what_a_version_lists(storage: Storage) -> None:
    storage.submit(some(40, seed=1), "digits", "1.0", shard_bytes=4000)
    storage.submit(some(40, seed=2), "digits", "2.0", shard_bytes=4000)
    storage.delete("digits", "1.0")
    report = storage.prune(grace_s=0)
    assert report.size_bytes > 10_000
    assert re.match(r"\d+ files, [\d,]+ bytes removed", str(report))
    assert storage.versions("digits") == ["2.0"]
    assert storage.verify("digits").versions == ("2.0",)
    assert storage.prune(grace_s=0).keys == ()


def test_prune_leaves_alone_what_is_not_ours(local: Storage) -> None:
    local.submit([1], "digits", "1.0")
    root = Path(local.url)
    (root / "digits/shards/notes.txt").write_text("mine")
    (root / "photos/shards").mkdir(parents=True)
    (root / "photos/shards/0123456789abcdef.arrow").write_text("mine")
    assert local.prune(grace_s=0).keys == ()


@pytest.mark.parametrize("kind", ["local", "memory"])
def test_prune_leaves_alone_a_dataset_that_is_being_built(kind: str, tmp_path: Path) -> None:
    blobs = open_blobs("memory://" if kind == "memory" else tmp_path)
    storage = Storage(blobs)
    storage.submit([1], "digits", "1.0")
    storage.delete("digits", "1.0")
    with Lease(blobs, "digits", "2.0"):
        report = storage.prune(grace_s=0)
        assert report.busy == ("digits",)
        assert report.keys == ()
        assert "left alone, as they are being built: digits" in str(report)
    assert storage.prune(grace_s=0).busy == ()


def test_prune_refuses_a_negative_grace(storage: Storage) -> None:
    for wrong in (-1.0, float("nan")):
        with pytest.raises(ArgumentError, match="grace_s must be at least 0 seconds"):
            storage.prune(grace_s=wrong)


def test_versions_share_equal_shards(local: Storage) -> None:
    local.submit(some(100), "digits", "1.0", shard_bytes=4000)
    before = files_of(local, "*.arrow")
    local.submit(some(120), "digits", "1.1", shard_bytes=4000)
    both = files_of(local, "*.arrow")
    assert len(both) - len(before) < len(before)
    local.delete("digits", "1.0")
    local.prune(grace_s=0)
    assert local.verify("digits", "1.1").shard_count > 2


@pytest.mark.parametrize(
    ("dataset", "version", "match"),
    [
        ("", "1.0", "a dataset name must be .* got ''"),
        ("digits", "", "a version name must be .* got ''"),
        ("../digits", "1.0", r"got '\.\./digits'"),
        ("digits", "../../1.0", r"got '\.\./\.\./1.0'"),
        ("/etc/digits", "1.0", "got '/etc/digits'"),
        ("digits", ".hidden", "got '.hidden'"),
        ("a\\b", "1.0", "Choose a plain name such as 'digits'"),
        ("a\0b", "1.0", "a dataset name"),
        ("digits\n", "1.0", "a dataset name"),
        ("digits", "x" * 129, "1 to 128 letters"),
        ("digits", 1.0, "got 1.0. Choose a plain name such as '1.0'"),
    ],
)
def test_y_b16_names_cannot_leave_the_root(
    storage: Storage, dataset: str, version: str, match: str
) -> None:
    for call in (
        lambda: storage.submit([1], dataset, version),
        lambda: storage.fetch(dataset, version),
        lambda: storage.delete(dataset, version),
        lambda: storage.verify(dataset, version),
        lambda: storage.cacheable(dataset, version),
    ):
        with pytest.raises(InvalidName, match=match):
            call()
    assert storage.datasets() == []


def test_y_b16_errors_stay_errors_under_python_o(tmp_path: Path) -> None:
    code = """
import sys
import threading
from headrace.storage import Storage
storage = Storage(sys.argv[1])
calls = {
    "name": lambda: storage.submit([1], "../x", "1.0"),
    "missing": lambda: storage.fetch("digits"),
    "source": lambda: storage.submit(7, "digits", "1.0"),
    "object": lambda: storage.submit([object()], "digits", "1.0"),
}
for name, call in calls.items():
    try:
        call()
    except Exception as error:
        print(name, type(error).__name__, bool(str(error)))
"""
    command = [sys.executable, "-O", "-c", code, str(tmp_path / "root")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "name InvalidName True",
        "missing NotFound True",
        "source ArgumentError True",
        "object RecordError True",
    ]
    assert [path.name for path in tmp_path.iterdir() if path.name != "root"] == []


def test_y_b16_no_pickle_is_written_or_read_unasked(local: Storage) -> None:
    with pytest.raises(RecordError, match="allow_pickle=True"):
        local.submit([{1, 2}], "sets", "1.0")
    local.submit([{1, 2}], "sets", "1.0", allow_pickle=True)
    with pytest.raises(PickleRefused, match="allow_pickle=True"):
        local.fetch("sets")
    assert local.fetch("sets", allow_pickle=True)[0] == {1, 2}


def test_an_unknown_version_lists_the_near_ones(storage: Storage) -> None:
    with pytest.raises(NotFound, match=r"no dataset 'digits' in .* There is none yet"):
        storage.fetch("digits")
    storage.submit([1], "digits", "1.0")
    with pytest.raises(NotFound, match=r"no version '1.1' of digits in .* '1.0'"):
        storage.fetch("digits", "1.1")
    for call in (storage.fetch, storage.versions, storage.verify):
        with pytest.raises(NotFound, match=r"no dataset 'digit' in .*Did you mean one of 'digits'"):
            call("digit")
    with pytest.raises(NotFound, match="no version '2'"):
        storage.delete("digits", "2")


def test_y_b3_a_source_that_raises_publishes_nothing(local: Storage) -> None:
    local.submit([1], "digits", "1.0")
    before = files_of(local)

    def source() -> Iterator[Any]:
        yield from some(90)
        raise KeyError("the user's key")

    with pytest.raises(KeyError, match="the user's key") as caught:
        local.submit(source(), "digits", "2.0", shard_bytes=4000)
    assert caught.value.__notes__ == [
        "The source of digits 2.0 raised this at record 90; nothing was published."
    ]
    assert caught.traceback[-1].name == "source"
    assert local.versions("digits") == ["1.0"]
    assert files_of(local) == before
    assert len(local.submit(some(90), "digits", "2.0")) == 90


def test_y_b3_an_interrupt_publishes_nothing(local: Storage) -> None:
    def source() -> Iterator[Any]:
        yield from some(50)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        local.submit(source(), "digits", "1.0", shard_bytes=4000)
    assert files_of(local) == []
    assert local.datasets() == []
    assert len(local.submit(some(50), "digits", "1.0")) == 50


def test_y_b3_a_replace_that_fails_keeps_the_old_version(storage: Storage) -> None:
    storage.submit([1], "digits", "1.0")

    def source() -> Iterator[int]:
        yield 2
        raise ValueError("the user's value")

    with pytest.raises(ValueError, match="the user's value"):
        storage.submit(source(), "digits", "1.0", replace=True)
    assert records_of(storage.fetch("digits")) == [1]


def test_y_b4_a_store_that_grows_loses_no_record(local: Storage) -> None:
    megabyte = np.arange(125_000)
    stored = local.submit((megabyte + n for n in range(40)), "large", "1.0", shard_bytes=4 * 10**6)
    assert len(stored) == 40
    assert all((stored[n] == megabyte + n).all() for n in range(40))


def test_a_changed_structure_publishes_nothing(storage: Storage) -> None:
    with pytest.raises(RecordError, match="record 3"):
        storage.submit([{"a": 1}] * 3 + [{"b": 1}], "digits", "1.0")
    assert storage.datasets() == []


def test_y_b19_an_infinite_source_is_refused_or_limited(storage: Storage) -> None:
    with pytest.raises(ArgumentError, match="never ends"):
        storage.submit(itertools.count(), "digits", "1.0")
    assert records_of(storage.submit(itertools.count(), "digits", "1.0", limit=3)) == [0, 1, 2]


def test_y_b19_a_ref_or_stream_that_repeats_without_end_is_refused_or_limited(
    storage: Storage,
) -> None:
    ref = DataRef.from_sequence([0, 1]).repeat(None)
    for endless in (ref, ref.stream()):
        with pytest.raises(ArgumentError, match="never ends"):
            storage.submit(endless, "digits", "1.0")
        storage.submit(endless, "digits", "1.0", limit=5, replace=True)
        assert records_of(storage.fetch("digits")) == [0, 1, 0, 1, 0]
        storage.delete("digits", "1.0")


def test_a_shuffled_ref_and_a_stream_are_stored_in_their_order(storage: Storage) -> None:
    ref = DataRef.from_sequence(range(100)).shuffle(seed=7)
    stored = storage.submit(ref, "shuffled", "1.0")
    assert records_of(stored) == [ref[n] for n in range(100)] != list(range(100))
    streamed = storage.submit(ref.stream().map(str).filter(len), "streamed", "1.0")
    assert records_of(streamed) == [str(ref[n]) for n in range(100)]


def test_bad_arguments_are_refused_before_anything_is_written(local: Storage) -> None:
    with pytest.raises(ArgumentError, match="Is it a path"):
        local.submit("/data", "digits", "1.0")
    with pytest.raises(ArgumentError, match="shard_bytes must be a whole number of at least 1"):
        local.submit([1], "digits", "1.0", shard_bytes=0)
    with pytest.raises(ArgumentError, match="meta must be what JSON can hold"):
        local.submit([1], "digits", "1.0", meta={"x": object()})
    assert not Path(local.url).exists()


def test_meta_is_kept_in_the_manifest(local: Storage) -> None:
    local.submit([1], "digits", "1.0", meta={"source": ["a", 1]})
    manifest = json.loads(Path(local.url, "digits/versions/1.0.json").read_text())
    assert manifest["meta"] == {"source": ["a", 1]}


def test_y_b17_a_ref_pickles_after_its_first_read(local: Storage) -> None:
    local.submit(some(20), "digits", "1.0")
    ref = local.fetch("digits")
    ref.read(np.arange(5))
    again = pickle.loads(pickle.dumps(ref))
    assert [record["id"] for record in records_of(again)] == list(range(20))
    assert pickle.loads(pickle.dumps(local)).versions("digits") == ["1.0"]


def test_y_b17_a_ref_opened_before_a_fork_reads_in_the_child(local: Storage) -> None:
    ref = local.submit(some(20), "digits", "1.0")
    ref.read(np.arange(5))
    child = os.fork()
    if child == 0:
        whole = [record["id"] for record in records_of(ref)] == list(range(20))
        os._exit(0 if whole else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_memory_is_no_other_processes(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="memory:// lives in one process: use a path"):
        pickle.dumps(Storage("memory://"))


def test_fetch_works_in_another_process_and_from_a_read_only_folder(local: Storage) -> None:
    local.submit(some(20), "digits", "1.0")
    paths = [Path(local.url), *Path(local.url).rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    before = sorted(Path(local.url).rglob("*"))
    code = """
import sys
import threading
from headrace.storage import Storage
storage = Storage(sys.argv[1])
print(len(storage.fetch("digits")), storage.versions("digits"), storage.verify("digits"))
"""
    command = [sys.executable, "-c", code, local.url]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    finally:
        for path in paths:
            path.chmod(path.stat().st_mode | stat.S_IWUSR)
    assert done.stdout.startswith("20 ['1.0'] digits 1.0: 1 shards")
    assert done.stderr == ""
    # Not even a lock: root may write to read-only folders, and would.
    assert sorted(Path(local.url).rglob("*")) == before


def test_a_newer_format_is_refused(local: Storage) -> None:
    local.submit([1], "digits", "1.0")
    path = Path(local.url, "digits/versions/1.0.json")
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(IntegrityError, match="has format 99.*Upgrade headrace"):
        local.fetch("digits")
    assert "1.0 (IntegrityError)" in repr(local)
    # What cannot be read may list any shard, so nothing goes.
    with pytest.raises(IntegrityError):
        local.prune(grace_s=0)
    assert len(local.submit([2], "digits", "2.0")) == 1


def test_printing_names_datasets_versions_and_lengths(storage: Storage) -> None:
    assert repr(storage).endswith(", 0 datasets")
    for number in range(12):
        storage.submit([number], f"many{number:02}", "1.0")
    for number in range(5):
        storage.submit(range(1000 + number), "digits", f"{number}.0")
    text = repr(storage)
    assert storage.url in text
    assert "13 datasets" in text
    assert "digits: 2 older, 2.0 (1,002 records), 3.0 (1,003 records), 4.0" in text
    assert "and 3 older datasets" in text
    assert len(text.splitlines()) == 12
    html = storage._repr_html_()
    assert html.startswith("<table>")
    assert "4.0 (1,004 records)" in html


def test_submit_is_silent_off_a_terminal(local: Storage, capfd: pytest.CaptureFixture[str]) -> None:
    local.submit(some(50), "digits", "1.0")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("url", [None, 5, b"cache"])
def test_what_is_no_place_is_refused(url: Any) -> None:
    message = "storage needs a path, an address or blobs that can be locked, got .*Give a path"
    with pytest.raises(ArgumentError, match=message):
        Storage(url)
