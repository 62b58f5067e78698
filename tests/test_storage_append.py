"""Versions that begin with the shards of another, and outlive it."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.versions import append, ids, manifest_of, noting, records_of, rows, submit

import headrace as hr
from headrace.blobs import Lease, open_blobs
from headrace.contracts import Backend
from headrace.contracts.errors import (
    ArgumentError,
    IntegrityError,
    NotFound,
    PickleRefused,
    RecordError,
)
from headrace.storage import Storage
from headrace.testing.faults import Moment, Script, ScriptedBlobs, Stopped

# Any, in this file: records are whatever a test makes.


@pytest.fixture(params=["local", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "memory":
        return Storage("memory://")
    return Storage(tmp_path / "root", durable=False)


def test_append_writes_only_the_new_shards(tmp_path: Path) -> None:
    storage, written = noting(tmp_path)
    parent = manifest_of(submit(storage, rows(0, 100), "1.0"))
    assert len(written) == len(parent.shards) > 3
    written.clear()
    ref = append(storage, rows(100, 130), "1.1", "1.0")
    child = manifest_of(ref)
    assert child.shards[: len(parent.shards)] == parent.shards
    assert len(written) == len(child.shards) - len(parent.shards) > 0
    assert child.parent == "1.0"
    assert ids(ref) == list(range(130))
    assert storage.verify("rows", "1.1").shard_count == len(child.shards)


plain_records = st.lists(
    st.one_of(st.none(), st.integers(-5, 5), st.lists(st.integers(0, 3), max_size=3)),
    max_size=4,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(plain_records, min_size=1, max_size=4))
def test_versions_appended_to_each_other_hold_what_one_would(parts: list[list[Any]]) -> None:
    whole = [{"value": value} for part in parts for value in part]
    storage = Storage("memory://")
    try:
        expected = records_of(storage.submit(whole, "whole", "0"))
    except RecordError:
        expected = None
    try:
        submit(storage, [{"value": value} for value in parts[0]], "0")
        for number, part in enumerate(parts[1:]):
            new = [{"value": value} for value in part]
            append(storage, new, str(number + 1), str(number))
    except RecordError:
        # It must be refused exactly where one version of all records would be.
        assert expected is None
        return
    assert expected is not None
    assert records_of(storage.fetch("rows")) == expected == whole
    for number in range(len(parts)):
        length = sum(map(len, parts[: number + 1]))
        assert records_of(storage.fetch("rows", str(number))) == whole[:length]


def test_a_wider_schema_reads_the_old_records_as_they_were(storage: Storage) -> None:
    submit(storage, [{"id": 1, "x": np.zeros(2)}], "1.0")
    ref = append(storage, [{"id": None, "x": np.ones(3)}], "1.1", "1.0")
    first, second = records_of(ref)
    assert (first["id"], first["x"].tolist()) == (1, [0, 0])
    assert (second["id"], second["x"].tolist()) == (None, [1, 1, 1])


def test_the_parent_may_be_a_tag_and_the_child_keeps_its_version(storage: Storage) -> None:
    submit(storage, rows(0, 3), "1.0")
    storage.tag("rows", "1.0", "latest")
    ref = append(storage, rows(3, 5), "1.1", "latest")
    storage.untag("rows", "latest")
    assert manifest_of(ref).parent == "1.0"
    assert ids(storage.fetch("rows", "1.1")) == list(range(5))


def test_nothing_may_be_appended_and_to_nothing(storage: Storage) -> None:
    submit(storage, [], "0")
    assert ids(append(storage, rows(0, 2), "1", "0")) == [0, 1]
    assert ids(append(storage, [], "2", "1")) == [0, 1]


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param(hr.Threads(2), id="threads"),
        pytest.param(hr.Processes(2), id="processes", marks=pytest.mark.slow),
    ],
)
def test_a_backend_appends_the_same_bytes(tmp_path: Path, backend: Backend) -> None:
    source = hr.DataRef.from_sequence(range(1000, 1400)).stream().map(number_row)
    found = []
    for name, chosen in (("alone", None), ("backend", backend)):
        storage = Storage(tmp_path / name, durable=False)
        # Unlike the parent's: the schema of the child is wider than its shards need.
        submit(storage, [{"id": 1, "x": np.zeros(3, np.int64)}, {"id": None, "x": None}], "1.0")
        found.append(append(storage, source, "1.1", "1.0", backend=chosen))
    alone, beside = found
    assert manifest_of(alone).content == manifest_of(beside).content
    assert len(manifest_of(beside).shards) > 5
    assert ids(beside) == [1, None, *range(1000, 1400)]


def number_row(number: int) -> dict[str, Any]:
    return {"id": number, "x": np.full(20, number)}


def test_a_record_that_does_not_fit_the_parent_publishes_nothing(storage: Storage) -> None:
    submit(storage, rows(0, 3), "1.0")
    with pytest.raises(RecordError, match="record 1 is str, the records before it are") as caught:
        append(storage, [*rows(3, 4), "text"], "1.1", "1.0")
    told = "Records count from the first new one; before it are the 3 of rows 1.0."
    assert told in caught.value.__notes__
    assert storage.versions("rows") == ["1.0"]
    assert storage.prune(grace_s=0).keys == ()


@pytest.mark.parametrize(
    ("more", "error", "told"),
    [
        ({"parent": "2.0", "mode": "append"}, NotFound, "no version '2.0' of rows .*one of '1.0'"),
        ({"parent": "1.1", "mode": "append"}, NotFound, "no version '1.1' of rows"),
        ({"parent": "1.0"}, ArgumentError, "parent='1.0' was given without a mode"),
        ({"mode": "append"}, ArgumentError, "mode='append' was given without a parent"),
        (
            {"parent": "1.0", "mode": "delta"},
            ArgumentError,
            "got mode='delta'. The mode there is: 'append'",
        ),
    ],
    ids=["no such parent", "itself", "no mode", "no parent", "unknown mode"],
)
def test_what_cannot_be_appended_is_said(
    storage: Storage, more: dict[str, Any], error: type[Exception], told: str
) -> None:
    submit(storage, rows(0, 3), "1.0")
    with pytest.raises(error, match=told):
        submit(storage, rows(3, 4), "1.1", **more)


def test_a_version_is_not_its_own_parent(storage: Storage) -> None:
    submit(storage, rows(0, 3), "1.0")
    with pytest.raises(ArgumentError, match="rows 1.0 cannot be appended to itself"):
        append(storage, rows(3, 4), "1.0", "1.0", replace=True)


def test_pickles_of_the_parent_need_permission_before_anything_is_written(
    storage: Storage,
) -> None:
    submit(storage, [{"x": object}], "1.0", allow_pickle=True)
    with pytest.raises(PickleRefused, match="rows 1.0 holds pickled values, and so would"):
        append(storage, [{"x": 1}], "1.1", "1.0")
    assert storage.versions("rows") == ["1.0"]
    assert records_of(append(storage, [{"x": 1}], "1.1", "1.0", allow_pickle=True))[1] == {"x": 1}


def test_shared_shards_outlive_the_parent(storage: Storage) -> None:
    submit(storage, rows(0, 50), "1.0")
    append(storage, rows(50, 60), "1.1", "1.0")
    storage.delete("rows", "1.0")
    assert len(storage.prune(grace_s=0).keys) == 1  # the retired manifest
    assert ids(storage.fetch("rows", "1.1")) == list(range(60))
    assert storage.verify("rows").versions == ("1.1",)


def test_a_reader_of_a_deleted_child_goes_on_until_its_grace_is_over(storage: Storage) -> None:
    parent = submit(storage, rows(0, 50), "1.0")
    child = append(storage, rows(50, 60), "1.1", "1.0")
    storage.delete("rows", "1.1")
    assert storage.prune(grace_s=3600).keys == ()
    assert ids(child) == list(range(60))
    own = len(manifest_of(child).shards) - len(manifest_of(parent).shards)
    assert len(storage.prune(grace_s=0).keys) == own + 1
    assert ids(storage.fetch("rows", "1.0")) == list(range(50))


class Signal(logging.Handler):
    """Says that something was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.came.set()


def test_a_parent_deleted_while_the_child_waits_is_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    storage = Storage(tmp_path, durable=False)
    submit(storage, rows(0, 3), "1.0")
    submit(storage, rows(0, 3), "0.9")
    errors: list[str] = []

    def wait_and_append() -> None:
        try:
            append(storage, rows(3, 4), "1.1", "1.0")
        except NotFound as error:
            errors.append(str(error))

    waits = Signal()
    logger = logging.getLogger("headrace")
    logger.addHandler(waits)
    with caplog.at_level(logging.INFO, "headrace"), Lease(open_blobs(tmp_path), "rows", "1.1"):
        thread = threading.Thread(target=wait_and_append)
        thread.start()
        # By now it has seen the parent, and waits for the lease.
        assert waits.came.wait(60)
        storage.delete("rows", "1.0")
    thread.join()
    logger.removeHandler(waits)
    assert ["no version '1.0' of rows" in error for error in errors] == [True]
    assert storage.versions("rows") == ["0.9"]


@pytest.mark.parametrize("moment", ["before", "within", "after"])
def test_an_append_that_is_cut_short_at_any_write_leaves_the_parent_or_the_child(
    tmp_path: Path, moment: Moment
) -> None:
    seen = set()
    # The lease's note, two shards, the manifest, and the note's removal.
    for at in range(5):
        root = tmp_path / str(at)
        storage = Storage(root, durable=False)
        submit(storage, rows(0, 12), "1.0")
        stopped = Storage(ScriptedBlobs(open_blobs(root, durable=False), Script(at, moment)))
        with suppress(Stopped):
            append(stopped, rows(12, 24), "1.1", "1.0")
        assert ids(storage.fetch("rows", "1.0")) == list(range(12))
        seen.add(len(storage.fetch("rows")))
        # Prune takes what was left over, and nothing of the parent.
        storage.prune(grace_s=0)
        storage.verify("rows")
        if storage.versions("rows") == ["1.0"]:
            append(storage, rows(12, 24), "1.1", "1.0")
        assert ids(storage.fetch("rows")) == list(range(24))
    assert seen == {12, 24}


def test_what_is_appended_is_compressed_as_the_parent_is(storage: Storage) -> None:
    pytest.importorskip("zstandard")
    compress = {"text": "zstd:9", "tags": "zstd"}
    records = [{"text": "a river " * n, "tags": ["a", "b"], "n": n} for n in range(20)]
    submit(storage, records, "1.0", compress=compress)
    # The tags had a column for each position, and get one for all.
    new = {"text": "b", "tags": ["c"], "n": 1}
    ref = append(storage, [new], "1.1", "1.0")
    assert str(ref.schema) == "{'text': str (zstd), 'tags': list (zstd), 'n': int}"
    assert records_of(ref) == [*records, new]
    plain = append(storage, [new], "1.2", "1.1", compress={})
    assert str(plain.schema) == "{'text': str, 'tags': list, 'n': int}"
    assert records_of(plain) == [*records, new, new]
    assert str(append(storage, [new], "1.3", "1.2").schema) == str(plain.schema)


def test_a_number_beside_a_compressed_field_of_a_longer_name_is_stored_as_it_is(
    storage: Storage,
) -> None:
    pytest.importorskip("zstandard")
    submit(storage, [{"x": 1, "x.y": "a"}], "1.0", compress={"x.y": "zstd"})
    ref = append(storage, [{"x": 2, "x.y": "b"}], "1.1", "1.0")
    assert str(ref.schema) == "{'x': int, 'x.y': str (zstd)}"
    assert records_of(ref)[1] == {"x": 2, "x.y": "b"}


def test_a_parent_named_by_a_digest_that_is_not_trusted_is_refused(tmp_path: Path) -> None:
    submit(Storage(tmp_path, durable=False), rows(0, 3), "1.0")
    trusting = Storage(tmp_path, durable=False, trust="sha256")
    with pytest.raises(IntegrityError, match="rows 1.0 in .* names its shards by xxh3"):
        append(trusting, rows(3, 4), "1.1", "1.0")
    assert trusting.versions("rows") == ["1.0"]
