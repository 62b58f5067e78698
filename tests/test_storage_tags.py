"""Names that move from version to version."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.versions import rows, submit

import headrace as hr
from headrace.blobs import LocalBlobs, open_blobs
from headrace.contracts.errors import (
    ArgumentError,
    IntegrityError,
    NotFound,
    VersionExists,
)
from headrace.storage import Storage

# Any, in this file: records are whatever a test makes.


@pytest.fixture(params=["local", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "memory":
        return Storage("memory://")
    return Storage(tmp_path / "root", durable=False)


def test_a_tag_moves_and_the_identity_names_the_version(storage: Storage) -> None:
    submit(storage, rows(0, 1), "1.0")
    submit(storage, rows(0, 2), "2.0")
    storage.tag("rows", "1.0", "good")
    assert storage.fetch("rows", "good").identity == storage.fetch("rows", "1.0").identity
    storage.tag("rows", "2.0", "good")
    assert len(storage.fetch("rows", "good")) == 2
    assert storage.tags("rows") == {"good": "2.0"}
    assert storage.versions("rows") == ["1.0", "2.0"]
    assert storage.verify("rows", "good").versions == ("2.0",)


def test_a_tag_of_a_tag_is_one_of_its_version(storage: Storage) -> None:
    submit(storage, rows(0, 1), "1.0")
    storage.tag("rows", "1.0", "good")
    storage.tag("rows", "good", "in-use")
    storage.untag("rows", "good")
    assert storage.tags("rows") == {"in-use": "1.0"}


def test_a_tag_survives_a_replaced_version(storage: Storage) -> None:
    submit(storage, rows(0, 1), "1.0")
    storage.tag("rows", "1.0", "good")
    submit(storage, rows(0, 2), "1.0", replace=True)
    assert len(storage.fetch("rows", "good")) == 2


def test_tags_and_versions_do_not_share_names(storage: Storage) -> None:
    submit(storage, rows(0, 1), "1.0")
    submit(storage, rows(0, 1), "2.0")
    storage.tag("rows", "1.0", "good")
    with pytest.raises(VersionExists, match="rows has a version '2.0', and a tag of that name"):
        storage.tag("rows", "1.0", "2.0")
    with pytest.raises(VersionExists, match="rows has a version '1.0', and a tag of that name"):
        storage.tag("rows", "1.0", "1.0")
    with pytest.raises(VersionExists, match="rows has a tag 'good' in .*, which a version of"):
        submit(storage, rows(0, 1), "good", replace=True)
    with pytest.raises(VersionExists, match="rows has a tag 'good'"):
        storage.cacheable("rows", "good")(lambda: rows(0, 1))()


def test_of_a_tag_and_a_version_of_one_name_the_version_is_read(tmp_path: Path) -> None:
    storage = Storage(tmp_path, durable=False)
    submit(storage, rows(0, 1), "1.0")
    submit(storage, rows(0, 2), "2.0")
    open_blobs(tmp_path).put("rows/tags/2.0.json", b'{"version":"1.0"}')
    assert len(storage.fetch("rows", "2.0")) == 2


def test_a_tagged_version_is_not_deleted(storage: Storage) -> None:
    submit(storage, rows(0, 1), "1.0")
    submit(storage, rows(0, 2), "2.0")
    storage.tag("rows", "1.0", "good")
    with pytest.raises(ArgumentError, match=r"rows 1.0 has the tags good, .*untag\('rows', 'good'"):
        storage.delete("rows", "1.0")
    with pytest.raises(NotFound, match="no version 'good' of rows"):
        storage.delete("rows", "good")
    storage.tag("rows", "2.0", "good")
    storage.delete("rows", "1.0")
    assert storage.versions("rows") == ["2.0"]


def test_what_is_no_tag_is_said(storage: Storage) -> None:
    submit(storage, rows(0, 1), "1.0")
    storage.tag("rows", "1.0", "good")
    with pytest.raises(NotFound, match="no tag 'goood' of rows in .*one of 'good'"):
        storage.untag("rows", "goood")
    with pytest.raises(NotFound, match="no version '3.0' of rows"):
        storage.tag("rows", "3.0", "best")
    with pytest.raises(NotFound, match="no version 'goood' of rows .*'good'"):
        storage.fetch("rows", "goood")
    with pytest.raises(hr.errors.InvalidName, match=r"a tag name must be .* got '\.\./x'"):
        storage.tag("rows", "1.0", "../x")


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"{", "rows/tags/good.json is no tag: "),
        (b'{"version": "../../etc/passwd"}', "'../../etc/passwd' is no name of a version"),
        (b'{"version": "0.9"}', "the tag 'good' of rows points at version '0.9', which is gone"),
    ],
    ids=["no JSON", "no name", "gone"],
)
def test_a_damaged_tag_reads_nothing(tmp_path: Path, payload: bytes, told: str) -> None:
    storage = Storage(tmp_path, durable=False)
    submit(storage, rows(0, 1), "1.0")
    open_blobs(tmp_path).put("rows/tags/good.json", payload)
    with pytest.raises((IntegrityError, NotFound), match=re.escape(told)):
        storage.fetch("rows", "good")
    storage.tag("rows", "1.0", "good")
    assert len(storage.fetch("rows", "good")) == 1


def test_a_tag_that_moves_while_it_is_read_gives_where_it_points_now(tmp_path: Path) -> None:
    storage = Storage(tmp_path, durable=False)
    submit(storage, rows(0, 1), "1.0")
    submit(storage, rows(0, 2), "2.0")
    storage.tag("rows", "1.0", "good")

    @dataclass(frozen=True)
    class MovingBlobs(LocalBlobs):
        def get(self, key: str) -> bytes:
            if key == "rows/versions/1.0.json" and "1.0" in storage.versions("rows"):
                # The tag was read, and the version not yet.
                storage.tag("rows", "2.0", "good")
                storage.delete("rows", "1.0")
            return super().get(key)

        def aside(self, prefix: str) -> MovingBlobs:
            return replace(self, unfinished=prefix)

    assert len(Storage(MovingBlobs(tmp_path, durable=False)).fetch("rows", "good")) == 2


def test_of_a_tag_and_a_version_that_race_one_comes_to_be(tmp_path: Path) -> None:
    storage = Storage(tmp_path, durable=False)
    submit(storage, rows(0, 1), "1.0")
    for number in range(10):
        name, barrier = f"n{number}", threading.Barrier(2)
        outcomes: list[bool] = []

        def race(act: Callable[[], object], barrier: Any, outcomes: list[bool]) -> None:
            barrier.wait()
            try:
                act()
                outcomes.append(True)
            except VersionExists:
                outcomes.append(False)

        acts = (partial(storage.tag, "rows", "1.0", name), partial(submit, storage, [1], name))
        threads = [threading.Thread(target=race, args=(act, barrier, outcomes)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == [False, True]
        assert (name in storage.tags("rows")) is not (name in storage.versions("rows"))
