"""Lists and images from submit to batch: what stored columns of objects meet on their way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import headrace as hr

# Any, in this file: records of every structure.


@pytest.fixture
def storage(tmp_path: Path) -> hr.Storage:
    return hr.Storage(tmp_path)


def records(count: int) -> list[dict[str, Any]]:
    return [
        {"n": number, "tags": ["a"] * (number % 3), "late": [1] if number < 50 else [1, 2]}
        for number in range(count)
    ]


def test_lists_go_through_a_ref_a_stream_and_another_submit(storage: hr.Storage) -> None:
    ref = storage.submit(records(60), "lists", "1", shard_bytes=900)
    assert str(ref.schema) == "{'n': int, 'tags': list, 'late': list of int}"
    assert [ref[index] for index in range(60)] == records(60)
    batch = next(iter(ref[48:].stream().batch(4)))
    assert batch["late"] == [[1], [1], [1, 2], [1, 2]]
    assert batch["tags"] == [[], ["a"], ["a", "a"], []]
    assert ref.views()[59] == records(60)[59]
    again = storage.submit(ref, "lists", "2", shard_bytes=900)
    assert list(again.stream()) == records(60)
    assert again.schema == ref.schema
    assert "all as they were written" in str(storage.verify("lists", "1"))
    storage.prune()
    shuffled = list(ref.shuffle(1).stream())
    assert shuffled == [records(60)[record["n"]] for record in shuffled]


def test_images_go_through_a_ref_a_stream_and_another_submit(storage: hr.Storage) -> None:
    pillow = pytest.importorskip("PIL.Image")
    pictures = [pillow.new("RGB", (4, 4), (number, 0, 0)) for number in range(9)]
    ref = storage.submit([{"image": picture} for picture in pictures], "images", "1")
    assert str(ref.schema) == "{'image': image}"
    assert next(iter(ref.stream().batch(4)))["image"] == pictures[:4]
    again = storage.submit(ref, "images", "2")
    assert [record["image"] for record in again.stream()] == pictures
