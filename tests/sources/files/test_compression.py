"""Files are decompressed as they are read: by name, by first bytes, or as the user says."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.contracts.errors import ArgumentError, StorageError
from headrace.sources.file import File
from headrace.sources.files.compression import checked_compression, decompressed

TEXT = b"so much depends upon\n" * 20_000
NOISE = os.urandom(50_000)


def zstd(content: bytes) -> bytes:
    packed: bytes = pa.compress(content, codec="zstd", asbytes=True)
    return packed


PACK: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "gzip": (gzip.compress, ".gz"),
    "bz2": (bz2.compress, ".bz2"),
    "xz": (lzma.compress, ".xz"),
    "zstd": (zstd, ".zst"),
}
KINDS = pytest.mark.parametrize("kind", PACK)


@KINDS
@pytest.mark.parametrize("content", [TEXT, NOISE, b""], ids=["text", "noise", "empty"])
def test_bytes_come_back_by_name_by_first_bytes_and_as_said(
    tmp_path: Path, kind: str, content: bytes
) -> None:
    pack, suffix = PACK[kind]
    (tmp_path / f"a.txt{suffix}").write_bytes(pack(content))
    (tmp_path / "b.txt").write_bytes(pack(content))
    by_name = decompressed(File.at(tmp_path / f"a.txt{suffix}"))
    assert (by_name.name, str(by_name)) == ("a.txt", str(tmp_path / f"a.txt{suffix}"))
    assert by_name.read() == content
    for one in (decompressed(File.at(tmp_path / "b.txt")), pickle.loads(pickle.dumps(by_name))):
        assert one.read() == content
    said = decompressed(File.at(tmp_path / "b.txt"), checked_compression(kind))  # type: ignore[arg-type]
    assert said.read() == content


def test_a_file_that_is_not_compressed_stays_as_it_is() -> None:
    for content in (b"", b"BZh is how a text may begin", b"\x1f"):
        assert decompressed(File.holding("a.txt", content)).read() == content


@KINDS
def test_any_place_can_be_sought(kind: str) -> None:
    with decompressed(File.holding("a", PACK[kind][0](NOISE))).open() as read:
        assert read.read(10) == NOISE[:10]
        assert (read.seek(30_000), read.read(10)) == (30_000, NOISE[30_000:30_010])
        assert (read.seek(5), read.read(10), read.tell()) == (5, NOISE[5:15], 15)
        assert (read.seek(-7, io.SEEK_END), read.read()) == (len(NOISE) - 7, NOISE[-7:])
        assert read.read() == b""


@KINDS
@pytest.mark.parametrize("fault", ["cut", "other", "empty"])
def test_what_cannot_be_decompressed_names_the_file(kind: str, fault: str) -> None:
    pack, suffix = PACK[kind]
    faults = {"cut": pack(NOISE)[:-9], "other": b"nothing of that kind" * 10, "empty": b""}
    content = faults[fault]
    file = decompressed(File.holding(f"in/a{suffix}", content))
    message = rf"^in/a\{suffix} was to be read, and cannot be: .+\. Check that it is whole"
    with pytest.raises(StorageError, match=message):
        file.read()


def test_the_bytes_before_a_cut_are_given() -> None:
    with decompressed(File.holding("a.gz", gzip.compress(NOISE)[:-9])).open() as read:
        assert read.read(1000) == NOISE[:1000]


def test_an_unknown_kind_lists_the_near_ones() -> None:
    with pytest.raises(ArgumentError, match=r"no compression is called 'gz'\. Did you mean.*gzip"):
        checked_compression("gz")  # type: ignore[arg-type]


def test_closing_closes_what_is_beneath(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(TEXT))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with decompressed(File.at(tmp_path / "a.gz")).open() as read:
            read.read(5)
            read.seek(0)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_large_file_is_never_in_memory(tmp_path: Path) -> None:
    import tracemalloc

    with gzip.open(tmp_path / "a.gz", "wb", compresslevel=1) as written:
        for _ in range(64):
            written.write(bytes(2**20))
    tracemalloc.start()
    with decompressed(File.at(tmp_path / "a.gz")).open() as read:
        size_bytes = sum(len(piece) for piece in iter(lambda: read.read(2**16), b""))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size_bytes == 64 * 2**20
    assert peak < 2 * 2**20
