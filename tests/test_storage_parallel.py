"""Submitting on a backend: the same bytes, and all or nothing, whatever runs it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Backend, EncodedImage, columns_of
from headrace.contracts.errors import ArgumentError, RecordError, StreamError, WorkerError
from headrace.formats.schema.prepared import prepared

# Any, in this file: records and sources of every kind.
pytestmark = pytest.mark.timeout(120)
Change = Callable[[int, dict[str, Any]], Any]


class Rows:
    """A map-style dataset of rows of any size, with a change at some of them."""

    def __init__(self, count: int = 400, change: Change = lambda _, row: row) -> None:
        self.count = count
        self.change = change

    def __len__(self) -> int:
        return self.count

    def __call__(self, index: int) -> Any:
        return self[index]

    def __getitem__(self, index: int) -> Any:
        text = "w" * (index * 7 % 90)
        return self.change(index, {"x": np.full(3, index), "n": index, "text": text})


def late_none(index: int, row: dict[str, Any]) -> Any:
    return {**row, "n": None if index == 307 else index}


def late_shape(index: int, row: dict[str, Any]) -> Any:
    return {**row, "x": np.zeros(3 + index % 4 if index > 250 else 3)}


def late_list(index: int, row: dict[str, Any]) -> Any:
    return {**row, "tags": [index] * 2 if index < 333 else ["a"] * (index % 5)}


def pickled(index: int, row: dict[str, Any]) -> Any:
    return {**row, "what": {index} if index % 9 == 0 else complex}


def image(index: int, row: dict[str, Any]) -> Any:
    pillow = pytest.importorskip("PIL.Image")
    return {**row, "picture": pillow.new("RGB", (5, 4), (index % 256, 3, 7))}


def tensor(index: int, row: dict[str, Any]) -> Any:
    torch = pytest.importorskip("torch")
    return {**row, "t": torch.full((2,), index)}


def is_kept(row: dict[str, Any]) -> bool:
    return bool(row["n"] % 3)


def doubled(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "n": row["n"] * 2}


def noisy(row: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    return {**row, "noise": rng.random()}


SOURCES: dict[str, Callable[[], Any]] = {
    "late None": lambda: Rows(change=late_none),
    "late shape": lambda: Rows(change=late_shape),
    "late list": lambda: Rows(change=late_list),
    "pickled": lambda: Rows(change=pickled),
    "images": lambda: Rows(40, image),
    "tensors": lambda: Rows(40, tensor),
    "a list": lambda: [late_none(n, {"n": n}) for n in range(400)],
    "a shuffled DataRef": lambda: hr.DataRef.from_sequence(Rows()).shuffle(seed=3),
    "a stream": lambda: hr.stream(Rows()).filter(is_kept).map(doubled).batch(3, drop_last=True),
    "a stream in batches": lambda: (
        hr.DataRef.from_sequence(Rows()).shuffle(seed=3).stream().batch(3, drop_last=True)
    ),
    "a stream with chance": lambda: hr.stream(Rows()).skip(9).map(noisy, seeded=True, seed=5),
    "a stream in windows": lambda: hr.stream(Rows()).shuffle(9, seed=7).window(5, partial=False),
    "a stream of images": lambda: hr.stream(Rows(40, image)).map(doubled),
    "two streams": lambda: hr.stream(Rows()).map(doubled).concat(hr.stream(Rows(30))),
    "a function": lambda: lambda: map(Rows(), range(400)),
    "a stream of a function": lambda: hr.stream(lambda: map(Rows(), range(400))).map(doubled),
    "a function of a dataset": lambda: lambda: Rows(change=late_none),
    "arrays": lambda: {"x": np.ones((999, 4)), "text": ["w" * (n % 90) for n in range(999)]},
}


def files(folder: Path) -> dict[str, bytes]:
    """All that lies in a folder."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def submitted(folder: Path, source: Any, backend: Backend | None, **more: Any) -> dict[str, bytes]:
    """The files of a storage with one version."""
    storage = hr.Storage(folder, durable=False)
    storage.submit(
        source, "rows", "1.0", shard_bytes=9000, allow_pickle=True, backend=backend, **more
    )
    return files(folder)


@pytest.fixture(params=["threads", "processes", "dask", "ray"])
def backend(request: pytest.FixtureRequest) -> Backend:
    if request.param == "dask":
        return hr.Dask(request.getfixturevalue("dask_client"))
    if request.param == "ray":
        request.getfixturevalue("ray_module")
        return hr.Ray()
    return hr.Threads(3) if request.param == "threads" else hr.Processes(2)


@pytest.mark.parametrize("name", SOURCES)
def test_the_bytes_are_those_without_a_backend(name: str, tmp_path: Path) -> None:
    expected = submitted(tmp_path / "alone", SOURCES[name](), None)
    assert len(expected) > 2
    backends: list[Backend] = [hr.Inline(), hr.Threads(1), hr.Threads(4)]
    for number, backend in enumerate(backends):
        assert submitted(tmp_path / str(number), SOURCES[name](), backend) == expected


def test_the_bytes_are_the_same_on_every_backend(backend: Backend, tmp_path: Path) -> None:
    names = ("late None", "late shape", "late list", "pickled", "images", "a stream")
    for name in (*names, "a stream in batches", "a stream with chance"):
        expected = submitted(tmp_path / f"{name} alone", SOURCES[name](), None)
        assert submitted(tmp_path / name, SOURCES[name](), backend) == expected


def test_a_stored_dataset_is_stored_again(backend: Backend, tmp_path: Path) -> None:
    ref = hr.Storage(tmp_path / "first").submit(Rows(change=late_none), "rows", "1.0")
    for source in (ref, ref.shuffle(seed=3), ref.shuffle(seed=3).stream().take(99)):
        expected = submitted(tmp_path / f"{source} alone", source, None)
        assert submitted(tmp_path / f"{source}", source, backend) == expected


@pytest.mark.parametrize("more", [{"limit": 77}, {"limit": 0}, {"unbatch": True}], ids=str)
def test_limits_and_batches_are_the_same(more: dict[str, Any], tmp_path: Path) -> None:
    source = hr.stream(Rows()).batch(6)
    expected = submitted(tmp_path / "alone", source, None, **more)
    assert submitted(tmp_path / "threads", source, hr.Threads(3), **more) == expected


def test_a_dataset_without_end_is_cut(tmp_path: Path) -> None:
    source = hr.DataRef.from_sequence(Rows()).repeat(None)
    expected = submitted(tmp_path / "alone", source, None, limit=900)
    assert submitted(tmp_path / "threads", source, hr.Threads(3), limit=900) == expected


def test_a_stream_submits_itself_on_a_backend(tmp_path: Path) -> None:
    stream = hr.stream(Rows()).map(doubled)
    stored = stream.submit(hr.Storage(tmp_path), "rows", "1.0", backend=hr.Threads(2))
    assert [row["n"] for row in stored.stream()] == [2 * n for n in range(400)]


def test_an_error_names_its_record_and_leaves_nothing(backend: Backend, tmp_path: Path) -> None:
    def fail(index: int, row: dict[str, Any]) -> Any:
        if index == 137:
            raise KeyError("no such picture")
        return row

    for source in (Rows(change=fail), hr.stream(Rows(change=fail)).map(doubled)):
        with pytest.raises(KeyError, match="no such picture") as caught:
            submitted(tmp_path, source, backend)
        notes = caught.value.__notes__
        assert "The source of rows 1.0 raised this at record 137; nothing was published." in notes
        assert not any(name.endswith((".arrow", ".json")) for name in files(tmp_path))
        assert hr.Storage(tmp_path).datasets() == []


def test_a_record_that_cannot_be_stored_is_named(backend: Backend, tmp_path: Path) -> None:
    def other(index: int, row: dict[str, Any]) -> Any:
        return row if index != 211 else {"y": 1}

    before = set(threading.enumerate())
    with pytest.raises(
        RecordError, match="record 211 is {'y': int}, the records before it"
    ) as held:
        submitted(tmp_path, Rows(change=other), backend)
    # Nothing runs on for as long as somebody looks at the error.
    assert held.value is not None
    left = {thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()}
    assert not [name for name in left if name.startswith("headrace")]
    assert not any(name.endswith(".arrow") for name in files(tmp_path))


@pytest.mark.parametrize("backend", ["processes", "dask"], indirect=True)
def test_a_killed_worker_changes_nothing(backend: Backend, tmp_path: Path) -> None:
    expected = submitted(tmp_path / "alone", Rows(), None)
    mark = tmp_path / "killed"

    def die_once(index: int, row: dict[str, Any]) -> Any:
        if index == 200 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return row

    assert submitted(tmp_path / "killed once", Rows(change=die_once), backend) == expected
    assert mark.exists()


@pytest.mark.parametrize("backend", ["processes"], indirect=True)
def test_a_record_that_kills_its_workers_publishes_nothing(
    backend: Backend, tmp_path: Path
) -> None:
    def die(index: int, row: dict[str, Any]) -> Any:
        if index == 200:
            os.kill(os.getpid(), signal.SIGKILL)
        return row

    with pytest.raises(WorkerError, match="positions"):
        submitted(tmp_path, Rows(change=die), backend)
    assert not any(name.endswith((".arrow", ".json")) for name in files(tmp_path))


@pytest.mark.parametrize("backend", ["processes", "dask", "ray"], indirect=True)
def test_a_source_that_does_not_pickle_is_named(backend: Backend, tmp_path: Path) -> None:
    rows = Rows()
    rows.lock = threading.Lock()  # type: ignore[attr-defined]
    with pytest.raises(StreamError, match=r"the source Rows\[400\] cannot be sent to other proc"):
        submitted(tmp_path, rows, backend)
    assert not any(name.endswith((".arrow", ".json")) for name in files(tmp_path))


@pytest.mark.parametrize("backend", [hr.Threads, "threads", 4])
def test_what_is_no_backend_is_refused(backend: Any, tmp_path: Path) -> None:
    with pytest.raises(
        ArgumentError, match="a backend that says look_ahead and start was expected"
    ):
        submitted(tmp_path, Rows(), backend)


def test_images_are_encoded_where_they_are_made() -> None:
    pillow = pytest.importorskip("PIL.Image")
    picture = pillow.new("RGB", (5, 4), (1, 2, 3))
    (row,) = prepared([{"picture": picture, "n": 3}])
    assert isinstance(row["picture"], EncodedImage)
    assert row["picture"].encoded.startswith(b"\x89PNG")
    odd = pillow.new("HSV", (2, 2))
    assert prepared([{"picture": odd}])[0]["picture"] is odd
    columns = columns_of({"x": np.arange(3)})
    assert prepared(columns) is columns
