"""Files: opened, unpacked, parsed, checked and written."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.compat.torchdata.datapipes.tfrecords import example, framed

import headrace as hr
from headrace.compat.torchdata.datapipes import StreamWrapper
from headrace.compat.torchdata.datapipes.iter import FileLister, FileOpener, IterableWrapper
from headrace.compat.torchdata.datapipes.utils import janitor, pin_memory_fn
from headrace.contracts.errors import IntegrityError, InvalidName, RecordError

# Any, in this file: what files hold.
MEMBERS = {"a/1.txt": b"one", "a/1.cls": b"0", "a/2.txt": b"two", "a/2.cls": b"1", "README": b""}


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "people.csv"
    path.write_bytes(b"name,age\r\nAda,36\r\n\r\n\xff,41\n")
    return str(path)


@pytest.fixture(params=["tar", "tar.gz", "zip"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """MEMBERS, packed."""
    path = tmp_path / f"data.{request.param}"
    if request.param == "zip":
        with zipfile.ZipFile(path, "w") as packed:
            packed.mkdir("a") if hasattr(packed, "mkdir") else None
            for name, content in MEMBERS.items():
                packed.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
            folder = tarfile.TarInfo("a")
            folder.type = tarfile.DIRTYPE
            tar.addfile(folder)
            for name, content in MEMBERS.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


def unpacked(path: Path) -> Any:
    opened = IterableWrapper([str(path)]).open_files(mode="b")
    return opened.load_from_zip() if path.suffix == ".zip" else opened.load_from_tar()


def text(pair: tuple[str, Any]) -> tuple[str, str]:
    return pair[0], pair[1].read().decode()


def decoded(record: dict[str, Any]) -> dict[str, Any]:
    return {name: one if name == "__key__" else one.read() for name, one in record.items()}


def test_lines_are_read(table: str) -> None:
    binary = FileOpener([table], mode="rb")

    assert list(binary.readlines(skip_lines=1))[:2] == [(table, b"Ada,36"), (table, b"")]
    lines = binary.readlines(decode=True, return_path=False)
    assert list(lines) == ["name,age", "Ada,36", "", ",41"], "errors are ignored by default"
    kept = binary.readlines(strip_newline=False, return_path=False)
    assert next(iter(kept)) == b"name,age\r\n"
    with pytest.raises(UnicodeDecodeError):
        list(binary.readlines(decode=True, errors="strict"))


def test_rows_of_csv_are_lists_of_texts_the_header_among_them(table: str) -> None:
    binary = FileOpener([table], mode="rb")
    rows = [["name", "age"], ["Ada", "36"], [], ["", "41"]]

    assert list(binary.parse_csv()) == rows
    assert next(iter(binary.parse_csv(skip_lines=1, return_path=True))) == (table, ["Ada", "36"])
    assert list(binary.parse_csv(as_tuple=True)) == [tuple(row) for row in rows]
    assert list(IterableWrapper([table]).open_files(encoding="latin-1").parse_csv())[3][0] == "ÿ"
    tabs = IterableWrapper([("x", io.StringIO("a\tb\n"))], deepcopy=False)
    assert list(tabs.parse_csv(delimiter="\t")) == [["a", "b"]]


def test_rows_of_csv_are_dicts_by_the_header(table: str) -> None:
    rows = FileOpener([table], mode="rb").parse_csv_as_dict()

    assert list(rows) == [{"name": "Ada", "age": "36"}, {"name": "", "age": "41"}]


def test_json_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"x": 1.5}')

    assert list(FileOpener([str(path)], mode="b").parse_json_files()) == [(str(path), {"x": 1.5})]
    as_text = FileOpener([str(path)]).parse_json_files(parse_float=str)
    assert list(as_text) == [(str(path), {"x": "1.5"})]


def test_archives_are_unpacked(archive: Path) -> None:
    found = dict(unpacked(archive).map(text))

    assert found == {str(archive / name): content.decode() for name, content in MEMBERS.items()}


def test_members_of_an_archive_can_be_read_late_and_elsewhere(archive: Path) -> None:
    pairs = list(unpacked(archive))
    elsewhere = pickle.loads(pickle.dumps(pairs))

    assert [file.read() for _, file in elsewhere] == list(MEMBERS.values())
    assert [file.read() for _, file in pairs] == [b""] * len(pairs), "they were read to be sent"


def test_a_tar_is_closed_behind_its_last_member(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo("a.txt"), io.BytesIO())
    file = path.open("rb")

    pairs = list(
        IterableWrapper([(str(path), StreamWrapper(file))], deepcopy=False).load_from_tar()
    )
    assert not file.closed
    janitor(pairs)
    assert file.closed


def test_a_tar_from_a_stream_that_cannot_seek_is_unpacked(archive: Path) -> None:
    if archive.suffix == ".zip":
        return

    class Stream(io.RawIOBase):
        def __init__(self) -> None:
            self._file = archive.open("rb")

        def read(self, size: int = -1) -> bytes:
            return self._file.read(size)

        def seekable(self) -> bool:
            return False

    found = IterableWrapper([("x", Stream())], deepcopy=False).load_from_tar().map(text)
    assert [content for _, content in found] == [one.decode() for one in MEMBERS.values()]


def test_what_is_no_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"no zip")

    with pytest.raises(zipfile.BadZipFile) as raised:
        list(unpacked(path))
    assert f"headrace: in the zip {str(path)!r}" in raised.value.__notes__
    with pytest.raises(tarfile.ReadError):
        list(FileOpener([str(path)], mode="b").load_from_tar())


@pytest.mark.parametrize("through_map", [False, True], ids=["at once", "with a map between"])
def test_webdataset_groups_files_by_name(archive: Path, through_map: bool) -> None:
    files = unpacked(archive)
    records = (files.map(lambda pair: pair) if through_map else files).webdataset().map(decoded)

    assert list(records) == [
        {"__key__": str(archive / "a/1"), ".txt": b"one", ".cls": b"0"},
        {"__key__": str(archive / "a/2"), ".txt": b"two", ".cls": b"1"},
    ]


@pytest.mark.slow
def test_workers_unpack_group_and_decode(archive: Path) -> None:
    records = unpacked(archive).webdataset().shuffle().map(decoded)

    loader = hr.DataLoader(records.stream(), backend=hr.Processes(2), seed=1)
    with loader:
        found = list(loader)
    assert sorted(record[".txt"] for record in found) == [b"one", b"two"]
    assert found == list(hr.DataLoader(records.stream(), seed=1))


@pytest.mark.parametrize(
    ("suffix", "pack", "method"),
    [
        (".gz", gzip.compress, "decompress"),
        (".bz2", bz2.compress, "decompress"),
        (".xz", lzma.compress, "decompress"),
        (".xz", lzma.compress, "extract"),
        (".bz2", bz2.compress, "load_from_bz2"),
        (".xz", lzma.compress, "load_from_xz"),
    ],
)
def test_files_are_decompressed(tmp_path: Path, suffix: str, pack: Any, method: str) -> None:
    # Ends in letters of the suffix, which were lost with it.
    path = tmp_path / f"zb2z{suffix}"
    path.write_bytes(pack(b"so much"))

    ((name, file),) = getattr(FileOpener([str(path)], mode="b"), method)()
    assert file.read() == b"so much"
    assert name == (str(path) if method in ("decompress", "extract") else str(path)[: -len(suffix)])


@pytest.mark.parametrize("kind", ["gzip", "GZIP"])
def test_a_kind_of_compression_can_be_given(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "plain"
    path.write_bytes(gzip.compress(b"so much"))

    pairs = FileOpener([str(path)], mode="b").decompress(file_type=kind).read_from_stream()
    assert list(pairs) == [(str(path), b"so much")]


@pytest.mark.parametrize("name", ["../data.key", "../../x", "/etc/x"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_file_that_leads_out_of_its_archive_is_refused(
    tmp_path: Path, kind: str, name: str
) -> None:
    path = tmp_path / f"data.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr(name, b"x")
    else:
        with tarfile.open(path, "w") as tar:
            tar.addfile(tarfile.TarInfo(name))

    with pytest.raises(InvalidName, match=f"has a file named '{name}', which is outside of it"):
        list(unpacked(path))


def test_a_decompressed_archive_is_one_to_unpack(archive: Path) -> None:
    opened = FileOpener([str(archive)], mode="b").decompress()
    files = opened.load_from_zip() if archive.suffix == ".zip" else opened.load_from_tar()

    assert [content for _, content in files.map(text)] == [b.decode() for b in MEMBERS.values()]


def test_parquet_gives_a_table_of_arrow_for_each_row_group(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    whole = pa.table({"x": [1, 2, 3], "y": ["a", "b", "c"]})
    pq.write_table(whole, path, row_group_size=2)

    tables = list(FileLister(str(tmp_path), "*.parquet").load_parquet_as_df())
    assert [table.num_rows for table in tables] == [2, 1]
    assert pa.concat_tables(tables).equals(whole)
    (first, _) = IterableWrapper([str(path)]).load_parquet_as_df(columns=["y"], use_threads=True)
    assert first.column_names == ["y"]


def test_tfrecords_are_tensors(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "x.tfrecord"
    content = example(label=[3], box=[0.5, 1.5, 2.5, 3.5], name=[b"ten"])
    path.write_bytes(framed(content) * 2)
    opened = FileOpener([str(path)], mode="b")

    first, second = opened.load_from_tfrecord()
    assert first["label"].tolist() == [3] == second["label"].tolist()
    assert (first["label"].dtype, first["box"].dtype) == (torch.int64, torch.float32)
    assert first["name"] == [b"ten"]
    spec = {"label": ((), torch.int32), "box": ((2, -1), torch.float64), "name": ((1, 1), None)}
    shaped = next(iter(opened.load_from_tfrecord(spec)))
    assert (shaped["label"].dtype, shaped["label"].item()) == (torch.int32, 3)
    assert shaped["box"].tolist() == [[0.5, 1.5], [2.5, 3.5]]
    assert shaped["name"] == [[b"ten"]]
    assert set(next(iter(opened.load_from_tfrecord({"label": None})))) == {"label"}
    with pytest.raises(RecordError, match="missing some required keys: 'boxes'.*'box'"):
        list(opened.load_from_tfrecord({"boxes": None}))


def test_a_damaged_tfrecord_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.tfrecord"
    content = bytearray(framed(example(label=[3])))
    content[14] ^= 1
    path.write_bytes(bytes(content))

    with pytest.raises(IntegrityError, match="record 1 is damaged"):
        list(FileOpener([str(path)], mode="b").load_from_tfrecord())


@pytest.mark.parametrize("kind", ["sha256", "md5"])
@pytest.mark.parametrize(
    "content", [b"so much", "so much", io.BytesIO(b"so much")], ids=["bytes", "text", "file"]
)
def test_hashes_are_checked(kind: str, content: Any) -> None:
    right = hashlib.new(kind, b"so much").hexdigest()
    pipe = IterableWrapper([("x", content)])

    ((name, checked),) = pipe.check_hash({"x": right}, kind)
    assert name == "x"
    assert (checked if isinstance(checked, str | bytes) else checked.read()) in (
        b"so much",
        "so much",
    )
    with pytest.raises(IntegrityError, match=f"computed hash {right} of x does not match.*retry"):
        list(pipe.check_hash({"x": right[::-1]}, kind))
    with pytest.raises(RecordError, match="Unspecified hash for file x.*'y'"):
        list(pipe.check_hash({"y": right}, kind))


def test_files_are_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> Any:
        class Broken(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                raise OSError("torn")

        return hr.parse.File("x", "x", Broken)

    named = {"1.txt": b"DATA1", "2.txt": "DATA2"}
    pipe = IterableWrapper(sorted(named.items()))
    folder = tmp_path / "new"

    paths = list(pipe.save_to_disk(mode="wb", filepath_fn=lambda name: str(folder / name)))
    assert paths == [str(folder / name) for name in named]
    assert [Path(path).read_text() for path in paths] == ["DATA1", "DATA2"]
    with pytest.raises(OSError, match="torn"):
        list(IterableWrapper([(paths[0], broken())], deepcopy=False).save_to_disk())
    assert [path.name for path in sorted(folder.iterdir())] == ["1.txt", "2.txt"]
    assert Path(paths[0]).read_text() == "DATA1"


def test_files_of_a_folder_are_listed_opened_and_saved_as_by_fsspec(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ["b.txt", "a.txt", "c.bin", "deep/d.txt"]:
        (tmp_path / name).write_text(name)
    txt = [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]

    assert list(IterableWrapper([str(tmp_path)]).list_files_by_fsspec(masks="*.txt")) == txt
    url = f"file://{tmp_path}"
    assert list(IterableWrapper([url]).list_files_by_fsspec("*.txt")) == [
        f"file://{one}" for one in txt
    ]
    opened = IterableWrapper([f"file://{txt[0]}", txt[1]]).open_files_by_fsspec()
    assert [file.read() for _, file in opened] == ["a.txt", "b.txt"]
    saved = IterableWrapper([("x", "so")]).save_by_fsspec(filepath_fn=lambda name: f"{url}/{name}")
    assert list(saved) == [f"{url}/x"]
    assert (tmp_path / "x").read_text() == "so"


def test_json_lines_of_a_hub_s_dataset_are_streamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets: Any = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({"x": n}) + "\n" for n in range(3)))
    from headrace.compat.torchdata.datapipes.iter import HuggingFaceHubReader

    pipe = HuggingFaceHubReader("json", data_files=str(path), split="train")
    assert list(pipe.map(lambda record: record["x"])) == [0, 1, 2]


def test_pinning_looks_into_records() -> None:
    class Tensor:
        def pin_memory(self) -> str:
            return "pinned"

    record = {"x": [Tensor(), 1], "y": (Tensor(), "text"), "z": b"bytes"}
    assert pin_memory_fn(record) == {"x": ["pinned", 1], "y": ("pinned", "text"), "z": b"bytes"}


@pytest.mark.gpu
def test_pinned_records_are_pinned() -> None:
    torch = pytest.importorskip("torch")
    pipe = IterableWrapper([torch.arange(3), torch.arange(2)]).pin_memory()

    assert [record.is_pinned() for record in pipe] == [True, True]
