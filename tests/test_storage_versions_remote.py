"""Versions in object stores: the same story as on a disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.servers.serving import Place
from tests.versions import append, ids, manifest_of, noting, rows, submit

from headrace.contracts.errors import ArgumentError, NotFound
from headrace.storage import Storage


def test_versions_share_are_tagged_and_copied_in_an_object_store(
    store: Place, tmp_path: Path
) -> None:
    remote = Storage(store.url, storage_options=store.options)
    parent = submit(remote, rows(0, 40), "1.0")
    child = append(remote, rows(40, 50), "1.1", "1.0")
    assert ids(child) == list(range(50))
    assert remote.diff("rows", "1.0", "1.1").shared.count == len(manifest_of(parent).shards)
    remote.tag("rows", "1.0", "good")
    remote.tag("rows", "1.1", "good")
    assert remote.fetch("rows", "good").identity == child.identity
    assert [one.version for one in remote.log("rows").versions] == ["1.1", "1.0"]
    with pytest.raises(ArgumentError, match="rows 1.1 has the tags good"):
        remote.delete("rows", "1.1")
    remote.delete("rows", "1.0")
    remote.prune(grace_s=0)
    assert ids(remote.fetch("rows", "good")) == list(range(50))
    with pytest.raises(NotFound, match="no version '1.0' of rows .*'1.1', 'good'"):
        remote.fetch("rows", "1.0")
    local, written = noting(tmp_path)
    assert remote.copy("rows", "good", to=local).identity == child.identity
    assert len(written) == len(manifest_of(child).shards)
    local.submit(rows(0, 3), "others", "1.0")
    assert ids(local.copy("others", "1.0", to=remote)) == [0, 1, 2]
    assert remote.verify("rows").versions == ("1.1",)
