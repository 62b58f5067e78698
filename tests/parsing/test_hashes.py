"""Files pass where their bytes have the hash that is expected."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, IntegrityError, RecordError

CONTENT = bytes(3_000_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "a.bin"
    found.write_bytes(CONTENT)
    return found


@pytest.mark.parametrize("algorithm", ["sha256", "md5", "blake2b", "sha3_512"])
@pytest.mark.parametrize("by", ["path", "name"])
def test_files_with_the_hash_pass(path: Path, algorithm: str, by: str) -> None:
    digest = hashlib.new(algorithm, CONTENT).hexdigest().upper()
    check = hr.parse.check_hash({str(path) if by == "path" else "a.bin": digest}, algorithm)
    (file,) = hr.from_files([path]).open().map(check)
    assert file.read() == CONTENT


def test_another_hash_names_file_and_both(path: Path) -> None:
    found = hashlib.sha256(CONTENT).hexdigest()
    message = rf"a\.bin has the sha256 {found}, and 00ff was expected\. Get the file again"
    with pytest.raises(IntegrityError, match=message):
        hr.stream([path]).open().map(hr.parse.check_hash({"a.bin": "00ff"})).collect()


def test_a_file_without_a_hash_lists_the_near_names(path: Path) -> None:
    message = r"no hash of '.*a\.bin' was given\. Did you mean one of 'b\.bin'"
    with pytest.raises(RecordError, match=message):
        hr.stream([path]).open().map(hr.parse.check_hash({"b.bin": "00ff"})).collect()


@pytest.mark.parametrize("algorithm", ["sha255", "shake_128", "crc32"])
def test_unknown_algorithms_are_refused(algorithm: str) -> None:
    with pytest.raises(ArgumentError, match=f"no hash is called '{algorithm}'. Did you mean"):
        hr.parse.check_hash({}, algorithm)


@pytest.mark.parametrize("hashes", [["00"], {"a": b"00"}, "00"], ids=repr)
def test_hashes_are_a_dict_of_texts(hashes: Any) -> None:
    with pytest.raises(ArgumentError, match="hashes must be a dict of texts by path or name, got"):
        hr.parse.check_hash(hashes)
