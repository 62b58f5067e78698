"""A stream submits itself: what `Storage.submit` gives, at the end of a chain."""

from __future__ import annotations

from pathlib import Path

import pytest

import headrace as hr


def test_a_stream_submits_itself(tmp_path: Path) -> None:
    storage = hr.Storage(tmp_path)
    stream = hr.stream(range(10)).map(str)
    ref = stream.submit(storage, "texts", "1.0", limit=4, meta={"by": "hand"}, shard_bytes=100)
    assert list(ref.stream()) == ["0", "1", "2", "3"]
    with pytest.raises(hr.errors.VersionExists):
        stream.submit(storage, "texts", "1.0")
    assert len(stream.batch(5).submit(storage, "texts", "1.0", replace=True, unbatch=True)) == 10


def test_pickles_need_permission(tmp_path: Path) -> None:
    stream = hr.stream([object])
    with pytest.raises(hr.errors.HeadraceError, match="allow_pickle"):
        stream.submit(hr.Storage(tmp_path), "types", "1.0")
    assert stream.submit(hr.Storage(tmp_path), "types", "1.0", allow_pickle=True)[0] is object
