"""Audio files in class folders are records with the bytes as they are and a label."""

from __future__ import annotations

from pathlib import Path

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.sources.files.sounds import audio_folder_source
from headrace.testing import check_records


def written(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def test_records_have_path_bytes_and_label_class_by_class(tmp_path: Path) -> None:
    files = {"a/2.wav": b"2", "a/10.FLAC": b"10", "a-b/deep/1.mp3": b"1", "b/x.ogg": b"x"}
    others = {"a/.x.wav": b"x", "a/x.txt": b"x", ".git/x.wav": b"x", "x.wav": b"x"}

    records = audio_folder_source(written(tmp_path, files | others))

    found = [("a/10.FLAC", 0), ("a/2.wav", 0), ("a-b/deep/1.mp3", 1), ("b/x.ogg", 2)]
    check_records(
        records,
        [
            {"path": path, "audio": files[path], "label": at, "label_name": ["a", "a-b", "b"][at]}
            for path, at in found
        ],
    )
    assert records.origin == {"kind": "audio folder", "label_names": {"label": ["a", "a-b", "b"]}}


def test_files_that_are_empty_or_gone_are_errors_that_name_them(tmp_path: Path) -> None:
    stream = hr.from_audio_folder(written(tmp_path, {"a/1.wav": b"", "a/2.wav": b"x"}))
    (tmp_path / "a" / "2.wav").unlink()

    with pytest.raises(RecordError, match=r"a/1\.wav' cannot be read: it is empty"):
        stream.collect()
    with pytest.raises(RecordError, match=r"a/2\.wav' cannot be read: No such file"):
        stream.skip(1).collect()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"1.wav": b"x"}, r"Put each audio file into the folder of its class"),
        ({"a/1.txt": b"x"}, r"class folders of .* hold no audio\. Audio files end in \.wav"),
    ],
    ids=["no class", "no audio"],
)
def test_folders_without_audio_are_refused(
    tmp_path: Path, files: dict[str, bytes], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        hr.from_audio_folder(written(tmp_path, files))


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="nothing is there"):
        hr.from_audio_folder(tmp_path / "train")
