"""Images in class folders are records with the bytes as they are and a label."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.sources.files.images import ImageRecords, image_folder_source

GIF = b"GIF89a one\0;"


def written(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def all_of(records: ImageRecords) -> list[dict[str, Any]]:
    return records.read(np.arange(len(records)))


def test_records_have_path_bytes_and_label_in_the_order_of_torchvision(tmp_path: Path) -> None:
    # In plain order of paths "a-b/" would stand before "a/".
    files = {"a/2.gif": GIF, "a/10.GIF": GIF + b"\0", "a-b/deep/1.gif": GIF, "b/x.jpg": GIF}

    records = image_folder_source(written(tmp_path, files))

    assert [(one["path"], one["label"], one["label_name"]) for one in all_of(records)] == [
        ("a/10.GIF", 0, "a"),
        ("a/2.gif", 0, "a"),
        ("a-b/deep/1.gif", 1, "a-b"),
        ("b/x.jpg", 2, "b"),
    ]
    assert [one["image"] for one in all_of(records)] == [files[p] for _, p in records.places]
    assert records.origin == {"kind": "image folder", "label_names": {"label": ["a", "a-b", "b"]}}
    assert all_of(pickle.loads(pickle.dumps(records))) == all_of(records)


def test_hidden_and_other_files_are_passed_over(tmp_path: Path) -> None:
    others = {".git/x.gif": GIF, "a/.x.gif": GIF, "a/.b/x.gif": GIF, "a/x.txt": b"", "x.gif": GIF}

    records = image_folder_source(written(tmp_path, {"a/1.gif": GIF, **others}))

    assert [one["path"] for one in all_of(records)] == ["a/1.gif"]


def test_a_bad_image_is_an_error_that_names_the_file_and_nothing_is_published(
    tmp_path: Path,
) -> None:
    written(tmp_path, {"a/1.gif": GIF, "a/2.gif": GIF[:-1], "a/3.png": b""})
    storage = hr.Storage("memory://")

    with pytest.raises(RecordError, match=r"a/2\.gif' cannot be read: it ends before its end mark"):
        storage.submit(hr.from_image_folder(tmp_path), "images", "1")
    assert storage.datasets() == []
    with pytest.raises(RecordError, match=r"a/3\.png' cannot be read: it is empty.*on_error"):
        image_folder_source(tmp_path).read(np.array([2]))


def test_bad_images_are_left_out_once_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written(tmp_path, {"a/1.gif": b"", "b/1.gif": GIF, "b/2.gif": b"GIF", "c/1.gif": GIF})

    with caplog.at_level(logging.WARNING, "headrace"):
        records = image_folder_source(tmp_path, on_error="skip")
        found = all_of(records) + all_of(records)

    assert [one["label"] for one in found] == [1, 2, 1, 2]
    assert len(caplog.records) == 1
    assert "2 left out" in caplog.text
    assert "a/1.gif" in caplog.text


def test_decoded_images_are_arrays_and_those_that_do_not_decode_are_bad(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "a").mkdir()
    array = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    image.fromarray(array).save(tmp_path / "a" / "1.png")
    # Its ends are right, and what is between is not.
    written(tmp_path, {"a/2.gif": GIF})

    records = image_folder_source(tmp_path, decode=True)
    np.testing.assert_array_equal(records.read(np.array([0]))[0]["image"], array)
    with pytest.raises(RecordError, match=r"a/2\.gif' cannot be read: \w+"):
        records.read(np.array([1]))
    assert len(image_folder_source(tmp_path, decode=True, on_error="skip")) == 1


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"1.gif": GIF}, r"a folder a class was expected, and .* has none.*from_files"),
        ({"a/1.txt": b""}, r"class folders of .* hold no image.*\.jpg"),
    ],
    ids=["no class", "no image"],
)
def test_folders_of_no_images_are_refused(
    tmp_path: Path, files: dict[str, bytes], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        image_folder_source(written(tmp_path, files))


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="nothing is there"):
        hr.from_image_folder(tmp_path / "train")
    with pytest.raises(ArgumentError, match='on_error must be "raise" or "skip"'):
        hr.from_image_folder(tmp_path, on_error="ignore")  # type: ignore[arg-type]
