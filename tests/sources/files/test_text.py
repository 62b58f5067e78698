"""Text files give a str a line."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace as hr
from headrace.contracts.errors import ArgumentError, RecordError, StorageError
from headrace.sources.files import chunks as chunks_file
from headrace.sources.files.text import text_source

LINES = "one\n\ntwo\u2028three\x0b\rfour\r\né"


@given(
    text=st.text("ab\n\r\u2028\x0c\ufeffé", max_size=60),
    chunk_bytes=st.integers(3, 12),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
)
def test_lines_are_those_that_open_gives_whatever_the_chunks(
    text: str, chunk_bytes: int, encoding: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("text") / "a.txt"
    path.write_bytes(text.encode(encoding))
    # A mark at the beginning is passed over whatever the name.
    name = "utf-8-sig" if encoding == "utf-8" else encoding
    with path.open(encoding=name) as file:
        expected = [line.removesuffix("\n") for line in file]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks_file, "CHUNK_BYTES", chunk_bytes)
        assert list(text_source(path, encoding=encoding).draw(0)) == expected


@pytest.mark.parametrize(
    ("content", "name", "encoding"),
    [
        (LINES.encode(), "a.txt", "utf-8"),
        (b"\xef\xbb\xbf" + LINES.encode() + b"\n", "a.md", "utf-8"),
        (gzip.compress(LINES.encode()), "a.txt.gz", "UTF8"),
        (LINES.encode("utf-16"), "a.log", "utf-16"),
    ],
    ids=["plain", "mark", "gz", "utf-16"],
)
def test_files_of_all_sorts(tmp_path: Path, content: bytes, name: str, encoding: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    expected = ["one", "", "two\u2028three\x0b", "four", "é"]
    assert hr.from_text(path, encoding=encoding).collect() == expected


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    assert list(text_source(tmp_path / "a.txt").draw(0)) == []


@pytest.mark.parametrize(
    ("content", "encoding", "reason"),
    [
        (b"ok\r\nfine\n\xff\nlast", "utf-8", "invalid start byte"),
        (b"ok\nfine\n\xc3\xa9\nlast", "ascii", "invalid continuation byte"),
        (b"ok\nfine\n\x81\nlast", "cp1252", "invalid continuation byte"),
    ],
    ids=["utf-8", "ascii", "cp1252"],
)
def test_a_line_that_does_not_decode_is_named_or_left_out(
    tmp_path: Path, content: bytes, encoding: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    found: list[str] = []
    message = rf"a\.txt, line 3 is no text in {encoding}: {reason}\. Pass the encoding= that .*skip"
    with pytest.raises(RecordError, match=message):
        found.extend(text_source(path, encoding=encoding).draw(0))
    assert found == ["ok", "fine"]
    with caplog.at_level(logging.WARNING, "headrace"):
        left = list(text_source([path], encoding=encoding, on_error="skip").draw(0))
    assert left == ["ok", "fine", "last"]
    (told,) = caplog.messages
    assert told.startswith(f"1 left out; the first: {path}, line 3 is no text")


def test_a_file_cut_short_is_no_utf16(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("ab\n".encode("utf-16")[:-1])
    with pytest.raises(RecordError, match=r"a\.txt is no text in utf-16: truncated data\. Pass"):
        list(text_source(path, encoding="utf-16").draw(0))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", r"a\.txt\.gz was to be read, and cannot be: Not a gzipped file.*Check that"),
        (gzip.compress(b"a\n" * 1000)[:-8], r"cannot be: Compressed file ended before"),
    ],
    ids=["plain", "cut"],
)
def test_a_file_that_is_not_compressed_as_its_name_says(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=message):
        list(text_source(path).draw(0))


def test_several_files_are_read_in_order(tmp_path: Path) -> None:
    for name in ["b.txt", "a.text", "c.csv"]:
        (tmp_path / name).write_text(name)
    source = text_source(tmp_path)
    assert list(source.draw(0)) == ["a.text", "b.txt"]
    assert source.identity.startswith("text[a.text, 2 files, ")
    assert source.size is None


@pytest.mark.parametrize("encoding", ["klingon", "hex", "idna"])
def test_an_encoding_must_be_known(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").touch()
    message = f"encoding must be a text encoding that Python knows, got '{encoding}'"
    with pytest.raises(ArgumentError, match=message):
        text_source(tmp_path, encoding=encoding)
