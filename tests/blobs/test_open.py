"""Addresses: what is accepted, and what is said of the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headrace.blobs import LocalBlobs, ObjectBlobs, open_blobs
from headrace.contracts.errors import ArgumentError


def test_paths_and_file_addresses_are_the_same_files(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    for address in (str(folder), folder, folder.as_uri(), f"file://localhost{tmp_path}/with space"):
        blobs = open_blobs(address)
        assert isinstance(blobs, LocalBlobs)
        assert blobs.root == folder


def test_a_relative_path_keeps_its_meaning_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blobs = open_blobs("here")
    monkeypatch.chdir(os.sep)
    assert blobs.url == str(tmp_path / "here")


def test_memory_is_new_each_time() -> None:
    first, second = open_blobs("memory://"), open_blobs("memory://")
    assert isinstance(first, ObjectBlobs)
    first.put("a", b"1")
    assert second.stat("a") is None


@pytest.mark.parametrize("scheme", ["s3", "gs", "az", "https"])
def test_clouds_are_not_built_yet(scheme: str) -> None:
    with pytest.raises(ArgumentError, match=f"{scheme}:// is not built yet.*Give a path"):
        open_blobs(f"{scheme}://bucket/prefix")


def test_an_unknown_scheme_lists_the_near_ones() -> None:
    with pytest.raises(ArgumentError, match=r"memry://.*Did you mean one of 'memory'"):
        open_blobs("memry://")


def test_an_empty_address_is_refused() -> None:
    with pytest.raises(ArgumentError, match="storage needs a place, got ''"):
        open_blobs("")


def test_a_relative_file_address_is_refused() -> None:
    with pytest.raises(ArgumentError, match="three slashes and an absolute path"):
        open_blobs("file://data/headrace")


def test_an_unknown_address_lists_the_near_ones() -> None:
    with pytest.raises(ArgumentError, match="no address that begins with fil://, .*'file'.*Give a"):
        open_blobs("fil:///data")
