"""WebDataset tars: what the real package writes and reads."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, RecordError, StorageError
from headrace.sources.file import File
from headrace.sources.files.tar import TarDrawn, TarRecords, tar_source
from headrace.sources.files.tar_members import opened_tar

Files = list[tuple[str, bytes]]
PAIRS: Files = [
    (f"train/{n}.{end}", f"{n}{end}".encode()) for n in range(5) for end in ("txt", "b.bin")
]


def tar_of(path: Path, files: Files, mode: Any = "w") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def all_of(source: TarRecords | TarDrawn) -> list[dict[str, Any]]:
    if isinstance(source, TarDrawn):
        return list(source.draw(0))
    return source.read(np.arange(len(source)))


def of_webdataset(*paths: Path) -> list[dict[str, Any]]:
    webdataset = pytest.importorskip("webdataset")
    dataset = webdataset.WebDataset([str(path) for path in paths], shardshuffle=False)
    mine = ("__url__", "__local_path__")
    return [{k: v for k, v in one.items() if k not in mine} for one in dataset]


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_records_are_those_that_webdataset_writes_and_reads(tmp_path: Path, suffix: str) -> None:
    webdataset = pytest.importorskip("webdataset")
    paths = [tmp_path / f"{n}{suffix}" for n in range(3)]
    rng = np.random.default_rng(1)
    for number, path in enumerate(paths):
        with webdataset.TarWriter(str(path)) as writer:
            for n in range(4):
                fields = {"cls": n, "left.bin": rng.bytes(700 * n), "json": {"n": [n]}}
                writer.write({"__key__": f"some/{number}.d/{n:03d}", **fields})

    found = all_of(tar_source(paths))

    assert found == of_webdataset(*paths)
    assert len(found) == 12


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_names_group_as_in_webdataset(tmp_path: Path, form: int) -> None:
    names = ["a/x.JPG", "a/x.b.cls", "nodot", ".hidden", "__meta__/x.jpg", "__index__", "a.d/y"]
    # The longest name needs a header of its own but for ustar, which splits it at a slash.
    names += ["a/z.jpg", "a/z.b.cls", f"{'l' * 90}/{'n' * 60}.jpg", f"{'l' * 90}/{'n' * 60}.b.cls"]
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w", format=form) as tar:
        folder = tarfile.TarInfo("a.b")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))

    assert all_of(tar_source(path)) == of_webdataset(path)
    assert [set(one) for one in all_of(tar_source(path))] == [{"__key__", "jpg", "b.cls"}] * 3


def test_hidden_files_beside_the_others_are_passed_over(tmp_path: Path) -> None:
    # macOS puts them there; webdataset makes a record "./" of them.
    path = tar_of(tmp_path / "0.tar", [("./._1.x", b"?"), ("./1.x", b"1"), ("./.DS_Store", b"?")])

    assert all_of(tar_source(path)) == [{"__key__": "./1", "x": b"1"}]


def test_random_access_reads_any_record_of_any_tar_in_any_order(tmp_path: Path) -> None:
    paths = [
        tar_of(tmp_path / "0.tar", PAIRS[:4]),
        tar_of(tmp_path / "1.tar", []),
        tar_of(tmp_path / "2.tar", PAIRS[4:]),
    ]
    records = tar_source(paths)
    assert isinstance(records, TarRecords)
    expected = all_of(records)

    asked = np.array([4, 0, 0, 3, 1])
    assert records.read(asked) == [expected[index] for index in asked]
    assert pickle.loads(pickle.dumps(records)).read(asked) == records.read(asked)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(records.read, [asked] * 50):
            assert found == [expected[index] for index in asked]


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    plain = tar_of(tmp_path / "0.tar", PAIRS)
    packed = tar_of(tmp_path / "0.tar.gz", PAIRS, "w:gz")
    before = len(os.listdir("/proc/self/fd"))

    all_of(tar_source(plain))
    drawn: Any = tar_source(packed)
    left = drawn.draw(0)
    next(left)
    left.close()

    assert len(os.listdir("/proc/self/fd")) == before


def test_a_compressed_tar_is_read_forward_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [(f"{n}.bin", np.random.default_rng(n).bytes(5000)) for n in range(20)]
    path = tar_of(tmp_path / "0.tgz", files, "w:gz")
    rewound: list[object] = []
    monkeypatch.setattr("gzip._GzipReader._rewind", rewound.append)

    assert [one["bin"] for one in all_of(tar_source(path))] == [content for _, content in files]
    assert rewound == []


def test_fields_are_decoded_by_their_names(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    png, npy = io.BytesIO(), io.BytesIO()
    image.fromarray(pixels).save(png, "PNG")
    np.save(npy, np.eye(2))
    files = {
        "json": b'{"a": [1]}', "cls": b"7", "index": b" 8\n", "txt": "ä".encode(),
        "npy": npy.getvalue(), "a.png": png.getvalue(), "other": b"\0",
    }  # fmt: skip
    path = tar_of(tmp_path / "0.tar", [(f"k.{end}", content) for end, content in files.items()])

    (record,) = hr.from_tar(path, decode=True).collect()

    np.testing.assert_array_equal(record.pop("npy"), np.eye(2))
    np.testing.assert_array_equal(record.pop("a.png"), pixels)
    plain = {"json": {"a": [1]}, "cls": 7, "index": 8, "txt": "ä", "other": b"\0"}
    assert record == {"__key__": "k", **plain}


def test_what_does_not_decode_names_field_key_and_tar(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "0.tar", [("a/k.cls", b"seven")])

    with pytest.raises(RecordError, match=r"'cls' of the record 'a/k' in .*0\.tar' cannot be deco"):
        hr.from_tar(path, decode=True).collect()


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        ([("a.x", b""), ("b.y", b"")], RecordError, r"record 'b' in .*0\.tar.* has the files"),
        ([("a.x", b""), ("a.X", b"")], RecordError, r"'a\.X' in .*0\.tar.* is there twice"),
        ([("readme", b"")], ArgumentError, r"0\.tar.* holds no records"),
        ([], ArgumentError, r"0\.tar.* holds no records"),
    ],
    ids=["other files", "twice", "no key", "empty"],
)
def test_tars_that_hold_no_even_records_are_refused(
    tmp_path: Path, suffix: str, files: Files, error: type[Exception], message: str
) -> None:
    path = tar_of(tmp_path / f"0{suffix}", files, "w:gz" if suffix != ".tar" else "w")

    with pytest.raises(error, match=message):
        all_of(tar_source(path))


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_a_tar_that_is_cut_anywhere_is_refused(tmp_path: Path, suffix: str) -> None:
    whole = tar_of(tmp_path / "whole.tar", PAIRS[:4]).read_bytes()
    end = len(whole.rstrip(b"\0"))  # in the last file, whose block is filled up
    for stop in [*range(0, end, 100), end - end % -512]:
        cut = tmp_path / f"cut{suffix}"
        cut.write_bytes(gzip.compress(whole[:stop]) if suffix != ".tar" else whole[:stop])
        with pytest.raises(ArgumentError, match=r"cut\.tar.*(cut off|cannot be read|is none)"):
            all_of(tar_source(cut))


def test_a_cut_gzip_and_what_is_no_tar_are_refused(tmp_path: Path) -> None:
    packed = tar_of(tmp_path / "0.tar.gz", PAIRS, "w:gz").read_bytes()
    (tmp_path / "0.tar.gz").write_bytes(packed[:-20])
    (tmp_path / "1.tar").write_bytes(b"no tar at all" * 100)
    (tmp_path / "2.tar").write_bytes(packed)

    with pytest.raises(ArgumentError, match=r"0\.tar\.gz' cannot be read: Compressed file ended"):
        all_of(tar_source(tmp_path / "0.tar.gz"))
    for name in ("1.tar", "2.tar"):
        with pytest.raises(ArgumentError, match=rf"{name}' is none .*\.tar\.gz or \.tgz"):
            tar_source(tmp_path / name)


def test_a_file_comes_whole_where_the_system_gives_it_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = tar_source(tar_of(tmp_path / "0.tar", PAIRS))
    expected = all_of(records)
    pread = os.pread
    # As Linux does from 2 GiB on.
    monkeypatch.setattr(os, "pread", lambda file, size, at: pread(file, min(size, 3), at))

    assert all_of(records) == expected
    monkeypatch.setattr(os, "pread", lambda file, size, at: b"")
    with pytest.raises(StorageError, match=r"0\.tar' has changed since"):
        all_of(records)


def test_a_name_may_hold_a_line_break(tmp_path: Path) -> None:
    records = tar_source(tar_of(tmp_path / "0.tar", [("a\nb/c\n1.txt", b"x"), ("2.txt", b"y")]))
    assert [one["__key__"] for one in all_of(records)] == ["a\nb/c\n1", "2"]


def test_a_tar_that_changes_behind_its_index_is_noticed(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "0.tar", PAIRS)
    records = tar_source(path)
    tar_of(path, [(name, content * 3000) for name, content in PAIRS])

    with pytest.raises(StorageError, match=r"0\.tar' has changed since"):
        all_of(records)


def test_holes_are_refused(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "0.tar", [("a.x", b"1")])
    header = bytearray(path.read_bytes())
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    path.write_bytes(header)

    with pytest.raises(RecordError, match=r"'a\.x' in .*0\.tar' is sparse"):
        tar_source(path)


def test_what_the_user_raises_while_a_tar_is_open_is_not_blamed_on_the_tar(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "0.tar", PAIRS)

    with pytest.raises(RecordError, match="mine"), opened_tar(File.at(path)):
        raise RecordError("mine")


def test_joined_tars_are_refused_before_records_are_lost(tmp_path: Path) -> None:
    first, second = (tar_of(tmp_path / name, [(f"{name}.txt", b"x")]) for name in ("a", "b"))
    joined = tmp_path / "c.tar"
    joined.write_bytes(first.read_bytes() + second.read_bytes())

    with pytest.raises(ArgumentError, match=r"goes on behind its end mark.* as a list"):
        hr.from_tar(joined).collect()


def test_a_file_named_as_the_key_is_refused(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "a.tar", [("a.__key__", b"X"), ("a.txt", b"Y")])

    with pytest.raises(RecordError, match=r"'a.__key__' .* is named as the field of the key"):
        hr.from_tar(path).collect()
