"""Each parser gives what the source of its format gives, one file a record."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

import headrace as hr
from headrace.contracts.errors import (
    ArgumentError,
    HeadraceError,
    IntegrityError,
    RecordError,
    StorageError,
)
from headrace.testing import check_stage

ROWS = [{"id": n, "name": f"n{n}"} for n in range(5)]
CSV = b"id,name\n" + b"".join(b"%d,n%d\n" % (n, n) for n in range(5))
JSONL = b"".join(b'{"id": %d, "name": "n%d"}\n' % (n, n) for n in range(5))
FILES = [{"path": "a.txt", "bytes": b"ten"}, {"path": "in/b.bin", "bytes": bytes(3000)}]


def parquet_of(rows: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


def tar_of(files: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as made:
        folder = tarfile.TarInfo("in")
        folder.type = tarfile.DIRTYPE
        made.addfile(folder)
        for one in files:
            member = tarfile.TarInfo(one["path"])
            member.size = len(one["bytes"])
            made.addfile(member, io.BytesIO(one["bytes"]))
    return file.getvalue()


def zip_of(files: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.mkdir("in") if hasattr(made, "mkdir") else made.writestr("in/", b"")
        for one in files:
            made.writestr(one["path"], one["bytes"])
    return file.getvalue()


PARSERS: dict[str, tuple[Callable[[], Any], str, bytes, list[Any]]] = {
    "lines": (hr.parse.lines, "a.txt", b"a\r\nb\nc", ["a", "b", "c"]),
    "csv": (hr.parse.csv, "a.csv", CSV, ROWS),
    "tsv": (hr.parse.csv, "a.tsv", CSV.replace(b",", b"\t"), ROWS),
    "jsonl": (hr.parse.jsonl, "a.jsonl", JSONL, ROWS),
    "parquet": (hr.parse.parquet, "a.parquet", parquet_of(ROWS), ROWS),
    "tar": (hr.parse.tar, "a.tar", tar_of(FILES), FILES),
    "zip": (hr.parse.zip, "a.zip", zip_of(FILES), FILES),
    "webdataset": (
        hr.parse.webdataset,
        "a.tar",
        tar_of([{"path": "1.x", "bytes": b"1"}, {"path": "1.y", "bytes": b"2"}]),
        [{"__key__": "1", "x": b"1", "y": b"2"}],
    ),
}
EACH = pytest.mark.parametrize("kind", PARSERS)


@EACH
def test_a_parser_reads_files_paths_and_bytes(tmp_path: Path, kind: str) -> None:
    make, name, content, records = PARSERS[kind]
    path = tmp_path / name
    path.write_bytes(content)
    parser = pickle.loads(pickle.dumps(make()))
    assert hr.from_files([path]).open().flat_map(parser).collect() == records
    assert list(parser(str(path))) == list(parser(path)) == records
    assert list(parser({"path": name, "bytes": content})) == records


@EACH
def test_a_parser_decompresses_by_name_and_behind_decompress(tmp_path: Path, kind: str) -> None:
    make, name, content, records = PARSERS[kind]
    (tmp_path / f"{name}.bz2").write_bytes(bz2.compress(content))
    (tmp_path / f"{name}").write_bytes(gzip.compress(content))
    if kind != "parquet":
        assert list(make()(tmp_path / f"{name}.bz2")) == records
    files = hr.from_files(tmp_path).open().map(hr.parse.decompress())
    assert files.flat_map(make()).collect() == records * 2


@EACH
def test_an_abandoned_parser_closes_its_file(tmp_path: Path, kind: str) -> None:
    make, name, content, records = PARSERS[kind]
    (tmp_path / name).write_bytes(content)
    before = len(os.listdir("/proc/self/fd"))
    left = iter(make()(tmp_path / name))
    assert next(left) == records[0]
    left.close()
    for record in hr.stream([tmp_path / name] * 3).flat_map(make()):
        assert record == records[0]
        break
    assert len(os.listdir("/proc/self/fd")) == before


@EACH
def test_a_missing_file_is_named(tmp_path: Path, kind: str) -> None:
    make, name, _, _ = PARSERS[kind]
    with pytest.raises(HeadraceError, match=rf"{name}.*cannot be.*: .*No such file") as caught:
        list(make()(tmp_path / name))
    assert not isinstance(caught.value, RecordError)


def test_parsing_conforms(tmp_path: Path) -> None:
    for n in range(24):
        (tmp_path / f"{n}.txt").write_text("".join(f"{n}-{k}\n" for k in range(n % 4)))

    def path_of(n: int) -> Path:
        return tmp_path / f"{n}.txt"

    def plain(records: Iterator[int]) -> Iterator[str]:
        for n in records:
            yield from path_of(n).read_text().splitlines()

    check_stage(lambda stream: stream.map(path_of).open().flat_map(hr.parse.lines()), plain)


@pytest.mark.parametrize(
    ("parser", "content", "message"),
    [
        (hr.parse.lines(), b"a\n\xff\n", r"a\.x, line 2 is no text in utf-8"),
        (hr.parse.jsonl(), b"1\n{\n", r"a\.x, line 2 is no JSON value"),
        (hr.parse.csv(), b"a,b\n1,2\n3\n", r"a\.x, line 3 has 1 field, and there are 2 columns"),
    ],
    ids=["lines", "jsonl", "csv"],
)
def test_a_bad_line_is_named(parser: Any, content: bytes, message: str) -> None:
    found: list[Any] = []
    with pytest.raises(RecordError, match=message):
        found.extend(parser({"path": "a.x", "bytes": content}))
    assert len(found) == 1


def test_bad_lines_can_be_left_out() -> None:
    assert list(hr.parse.lines(on_error="skip")(b"a\n\xff\nb")) == ["a", "b"]
    assert list(hr.parse.jsonl(on_error="skip")(b"1\n{\n2")) == [1, 2]
    assert list(hr.parse.csv(on_error="skip")(b"a,b\n1,2\n3\n")) == [{"a": 1, "b": 2}]


def test_csv_takes_what_from_csv_takes() -> None:
    parser = hr.parse.csv(
        columns=["x", "y"], types={"y": str}, delimiter=";", quotechar="'", encoding="cp1252"
    )
    assert list(parser("'\xe4;';1".encode("cp1252"))) == [{"x": "ä;", "y": "1"}]


def test_parquet_reads_the_columns_asked_for() -> None:
    assert list(hr.parse.parquet(["name"])(parquet_of(ROWS)))[1] == {"name": "n1"}
    with pytest.raises(ArgumentError, match="column 'nam' was asked for, and 'bytes in memory'"):
        list(hr.parse.parquet(["nam"])(parquet_of(ROWS)))
    with pytest.raises(IntegrityError, match="'bytes in memory' cannot be read as Parquet"):
        list(hr.parse.parquet()(b"PAR1 and no more"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: hr.parse.lines(encoding="utf-9"), "encoding must be a text encoding"),
        (lambda: hr.parse.lines(on_error="drop"), 'on_error must be "raise" or "skip"'),  # type: ignore[arg-type]
        (lambda: hr.parse.jsonl(on_error="drop"), 'on_error must be "raise" or "skip"'),  # type: ignore[arg-type]
        (lambda: hr.parse.tfrecord(on_error="drop"), 'on_error must be "raise"'),  # type: ignore[arg-type]
        (lambda: hr.parse.csv(delimiter="||"), "delimiter must be a single ASCII character"),
        (lambda: hr.parse.csv(columns="ab"), "columns must be the names of the columns"),
        (lambda: hr.parse.csv(types={"a": list}), "the type of column 'a' must be int, float"),  # type: ignore[dict-item]
        (lambda: hr.parse.lines(encoding=8), "encoding must be a text encoding .* got 8"),  # type: ignore[arg-type]
        (lambda: hr.parse.parquet("ab"), "columns must be a list of names, got the text 'ab'"),
        (lambda: hr.parse.decompress("rar"), "no compression is called 'rar'"),  # type: ignore[arg-type]
    ],
)
def test_parameters_are_checked_where_they_are_written(
    make: Callable[[], Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize("stop", [100, 520, 1100, 3000])
def test_a_tar_that_is_cut_is_refused(stop: int) -> None:
    with pytest.raises(
        ArgumentError, match="'bytes in memory' (is cut off|cannot be read|is none)"
    ):
        list(hr.parse.tar()(tar_of(FILES)[:stop]))


def test_a_tar_of_the_working_folder_can_be_saved(tmp_path: Path) -> None:
    tar = tar_of([{"path": "./a/b.txt", "bytes": b"ten"}])
    hr.stream([tar]).flat_map(hr.parse.tar()).save(tmp_path).join()
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"ten"


def test_archives_can_be_parsed_in_turn() -> None:
    inner = zip_of([{"path": "deep.jsonl", "bytes": JSONL}])
    outer = tar_of([{"path": "a.zip", "bytes": inner}])
    stream = hr.stream([outer]).flat_map(hr.parse.tar()).flat_map(hr.parse.zip())
    assert stream.flat_map(hr.parse.jsonl()).collect() == ROWS


def test_what_is_no_zip_is_refused() -> None:
    whole = zip_of(FILES)
    for content in (b"no zip", whole[:-30], b""):
        with pytest.raises(RecordError, match="a zip was expected, and 'bytes in memory' is none"):
            list(hr.parse.zip()(content))
    damaged = whole.replace(b"\x2b\x49\xcd\x03", b"\x2b\x49\xcd\x04")
    assert damaged != whole
    with pytest.raises(
        RecordError, match=r"file 'a\.txt' in 'bytes in memory' cannot be read: Bad"
    ):
        list(hr.parse.zip()(damaged))


def test_a_truncated_gzip_gives_the_records_before_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"".join(b"%d\n" % n for n in range(1_000_000)), 1)[:-9])
    found: list[str] = []
    with pytest.raises(StorageError, match=r"a\.txt\.gz was to be read, and cannot be: Compressed"):
        found.extend(hr.parse.lines()(path))
    assert len(found) > 500_000
    assert found == [str(n) for n in range(len(found))]
