"""JSON Lines files give the value of each line."""

from __future__ import annotations

import gzip
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace as hr
from headrace.contracts.errors import RecordError
from headrace.sources.files import chunks as chunks_file
from headrace.sources.files.jsonl import jsonl_source

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Half of a pair is no text in UTF-8.
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner),
    max_leaves=8,
)


def write(folder: Path, content: bytes, name: str = "a.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@given(
    records=st.lists(values, max_size=8),
    between=st.sampled_from(["\n", "\r\n", "\n\n", "\n \n"]),
    chunk_bytes=st.integers(1, 30),
)
def test_what_was_written_is_read_whatever_the_chunks(
    records: list[Any], between: str, chunk_bytes: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = between.join(map(json.dumps, records))
    path = write(tmp_path_factory.mktemp("jsonl"), lines.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks_file, "CHUNK_BYTES", chunk_bytes)
        assert repr(list(jsonl_source(path).draw(0))) == repr(records)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\xef\xbb\xbf[1, 2]\n{}\n", "a.jsonl"),
        (b"[1,2]\r\n\r\n{}", "a.ndjson"),
        (gzip.compress(b"\n[1,2]\n{}\n"), "a.jsonl.gz"),
    ],
    ids=["mark", "crlf", "gz"],
)
def test_files_of_all_sorts(tmp_path: Path, content: bytes, name: str) -> None:
    assert hr.from_jsonl(write(tmp_path, content, name)).collect() == [[1, 2], {}]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a":}', r"JSON is malformed: invalid character \(byte 5\), in '\{\"a\":\}'"),
        (b"1 2", r"JSON is malformed: trailing characters \(byte 3\), in '1 2'"),
        (b"[1,", "Input data was truncated"),
        (b"NaN", "JSON is malformed: invalid character"),
        (b'"\xff"', "'utf-8' codec can't decode byte 0xff"),
        (b"[" * 100_000, "recursion"),
    ],
    ids=["value", "two", "cut", "nan", "bytes", "deep"],
)
def test_a_line_that_does_not_parse_is_named_or_left_out(
    tmp_path: Path, line: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, b"1\n\n" + line + b"\n2\n")
    found: list[Any] = []
    message = rf"a\.jsonl, line 3 is no JSON value: .*{reason}.*Repair the line, or .*skip"
    with pytest.raises(RecordError, match=message):
        found.extend(jsonl_source(path).draw(0))
    assert found == [1]
    with caplog.at_level(logging.WARNING, "headrace"):
        assert list(jsonl_source(path, on_error="skip").draw(0)) == [1, 2]
    (told,) = caplog.messages
    assert told.startswith(f"1 left out; the first: {path}, line 3 is no JSON value")


def test_a_line_number_counts_over_chunks_and_begins_anew_with_each_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks_file, "CHUNK_BYTES", 16)
    write(tmp_path, b"1\n" * 100, "1.jsonl")
    write(tmp_path, b"1\n" * 99 + b"{", "2.jsonl")
    with pytest.raises(RecordError, match=r"2\.jsonl, line 100 is no JSON value"):
        list(jsonl_source(tmp_path).draw(0))


def test_stored_and_streamed_records_are_equal(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"id": 1, "tags": ["a", "b"]}\n{"id": 2, "tags": []}\n')
    streamed = hr.from_jsonl(path).collect()
    stored = hr.Storage(tmp_path / "store").submit(path, "runs", "1").stream().collect()
    assert streamed == stored == [{"id": 1, "tags": ["a", "b"]}, {"id": 2, "tags": []}]
