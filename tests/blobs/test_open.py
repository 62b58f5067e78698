"""Addresses: what is accepted, and what is said of the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headrace.blobs import LocalBlobs, ObjectBlobs, open_blobs
from headrace.blobs.stores.web import WebBlobs
from headrace.contracts.errors import ArgumentError


def test_paths_and_file_addresses_are_the_same_files(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    for address in (str(folder), folder, folder.as_uri(), f"file://localhost{tmp_path}/with space"):
        blobs = open_blobs(address)
        assert isinstance(blobs, LocalBlobs)
        assert blobs.root == folder


def test_a_file_address_is_a_path_to_its_end(tmp_path: Path) -> None:
    assert open_blobs(f"file://{tmp_path}/a?b#c").url == f"{tmp_path}/a?b#c"


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


@pytest.mark.parametrize("scheme", ["s3", "gs", "S3"])
def test_an_address_of_a_store_is_opened_without_asking_it(scheme: str) -> None:
    blobs = open_blobs(f"{scheme}://bucket/prefix")
    assert isinstance(blobs, ObjectBlobs)
    assert blobs.url == f"{scheme}://bucket/prefix"


def test_an_address_of_azure_needs_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(ArgumentError, match=r"'az://container' cannot be opened .*Account must be"):
        open_blobs("az://container")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    assert open_blobs("az://container").url == "az://container"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_web_server_is_opened_to_be_read(scheme: str) -> None:
    assert isinstance(open_blobs(f"{scheme}://host:8080/folder"), WebBlobs)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://key:planted@bucket/a", r"s3://\*\*\*@bucket/a"),
        ("s3://bucket?token=planted", r"s3://bucket\?token=\*\*\*"),
        ("s3:///prefix", "s3:///prefix"),
        ("https://me:planted@host/a", r"https://\*\*\*@host/a"),
        ("https://host/a?sig=planted", r"https://host/a\?sig=\*\*\*"),
        ("https:///a", "https:///a"),
    ],
)
def test_credentials_in_an_address_are_refused_and_not_shown(url: str, shown: str) -> None:
    message = rf"an address like .*/folder was expected, got '{shown}'. Credentials do not belong"
    with pytest.raises(ArgumentError, match=message) as caught:
        open_blobs(url)
    assert "planted" not in str(caught.value)


def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(ArgumentError, match=r"'https://\[host/a' cannot be opened"):
        open_blobs("https://[host/a")


def test_options_that_a_store_does_not_know_are_named_and_their_values_are_not() -> None:
    options = {"secret_access_key": "planted", "acess_key_id": "planted too"}
    message = r"options \['acess_key_id', 'secret_access_key'\]: Configuration key: 'acess_key_id'"
    with pytest.raises(ArgumentError, match=message) as caught:
        open_blobs("s3://bucket", storage_options=options)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize("url", ["/data", "file:///data", "memory://"])
def test_options_without_a_store_are_refused(url: str) -> None:
    with pytest.raises(ArgumentError, match=rf"are for s3://, .* got some for '{url}'. Leave them"):
        open_blobs(url, storage_options={"region": "eu-central-1"})


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
