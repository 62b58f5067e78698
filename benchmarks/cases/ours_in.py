"""What other frameworks load, iterated alone and submitted: the same source in one process."""

# Any, in this file: sources are those of other packages.
from __future__ import annotations

import io
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import datasets
import numpy as np
import tensorflow as tf
import torch
from PIL import Image

from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect, settle
from benchmarks.stored import VERSION, storage_at
from benchmarks.workloads import Workload

datasets.disable_progress_bars()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# A crop of so many pixels a side has 62 KB: the records of 60 KB that the bars speak of.
SIDE = 144
RECORDS = 3000

Source = Callable[[Workload], Iterable[Any]]


class Photos(torch.utils.data.Dataset[dict[str, Any]]):
    """What a user's own loader does: reads an encoded image, decodes it, makes it small."""

    def __init__(self, source: Workload) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        record = self.source.record(index)
        image = Image.open(io.BytesIO(record["jpeg"])).resize((SIDE, SIDE))
        return {"image": torch.from_numpy(np.array(image)), "label": record["label"]}


class Files(torch.utils.data.Dataset[dict[str, Any]]):
    """The encoded images as they lie in a mapped file: the least that a loader can do."""

    def __init__(self, source: Workload) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.source.record(index)


def _hugging_face(source: Workload) -> Any:
    """Images as the hub has them: encoded, and decoded by whoever iterates."""
    made = _hugging_face_bytes(source).rename_column("jpeg", "image")
    return made.cast_column("image", datasets.Image())


def _hugging_face_bytes(source: Workload) -> Any:
    fields = {"jpeg": datasets.Value("binary"), "label": datasets.Value("int64")}
    return _hugging_face_of(source, fields)


def _hugging_face_of(source: Workload, fields: dict[str, Any]) -> Any:
    columns = {name: [source.record(i)[name] for i in range(len(source))] for name in fields}
    return datasets.Dataset.from_dict(columns, features=datasets.Features(fields))


def _tables(source: Workload) -> Any:
    fields = {
        "id": datasets.Value("int64"),
        "x": datasets.Sequence(datasets.Value("float32"), length=16),
        "text": datasets.Value("string"),
    }
    return _hugging_face_of(source, fields)


def _pixels() -> Any:
    return np.random.default_rng(5).integers(0, 256, (RECORDS, SIDE, SIDE, 3), dtype=np.uint8)


def _tf_decoding(source: Workload) -> Any:
    encoded = [source.record(at)["jpeg"] for at in range(len(source))]

    def decode(jpeg: Any, label: Any) -> Any:
        image = tf.image.resize(tf.io.decode_jpeg(jpeg, channels=3), (SIDE, SIDE))
        return {"image": tf.cast(image, tf.uint8), "label": label}

    return tf.data.Dataset.from_tensor_slices((encoded, np.arange(len(source)))).map(decode)


def _tf_arrays(source: Workload) -> Any:
    return tf.data.Dataset.from_tensor_slices({"image": _pixels(), "label": np.arange(RECORDS)})


def _alone(bench: Bench, work: str, make: Source) -> Figures:
    drawn = make(bench.workload(work))
    count = _count(drawn)
    settle()
    started = time.perf_counter()
    deque(_passed(drawn), maxlen=0)
    return _rate(count, time.perf_counter() - started)


def _submitted(bench: Bench, work: str, make: Source, *, by_record: bool = False) -> Figures:
    source = bench.workload(work)
    drawn = make(source)
    count = _count(drawn)
    folder = bench.scratch / "in"
    shutil.rmtree(folder, ignore_errors=True)
    given: Any = (lambda: _passed(drawn)) if by_record else drawn
    settle()
    started = time.perf_counter()
    ref = storage_at(folder, durable=False).submit(given, work, VERSION)
    elapsed = time.perf_counter() - started
    expect(len(ref) == count, f"{len(ref)} records were stored, expected {count}")
    last = next(record for at, record in enumerate(_passed(drawn)) if at == count - 1)
    expect(_same(ref[count - 1], last), "the last record differs")
    shutil.rmtree(folder)
    return _rate(count, elapsed)


def _rate(count: int, elapsed: float) -> Figures:
    return {"value": count / elapsed, "unit": "records/s", "elapsed_s": elapsed}


def _count(drawn: Any) -> int:
    return len(drawn)


def _passed(drawn: Any) -> Iterator[Any]:
    if isinstance(drawn, tf.data.Dataset):
        return iter(drawn.as_numpy_iterator())
    if isinstance(drawn, torch.utils.data.Dataset):
        return (drawn[at] for at in range(len(drawn)))
    return iter(drawn)


def _same(got: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return set(got) == set(wanted) and all(
        np.array_equal(np.asarray(got[name]), np.asarray(wanted[name])) for name in wanted
    )


def _pair(name: str, make: Source, work: str = "W2") -> list[Case]:
    return [
        Case("in", f"{name}, iterated alone", lambda bench: _alone(bench, work, make)),
        Case("in", f"{name}, submitted", lambda bench: _submitted(bench, work, make)),
    ]


CASES = [
    *_pair("torch Dataset that decodes", Photos),
    *_pair("torch Dataset of mapped bytes", Files),
    *_pair("HF Dataset of images", _hugging_face),
    *_pair("HF Dataset of bytes", _hugging_face_bytes),
    *_pair("tf.data that decodes", _tf_decoding),
    *_pair("tf.data of arrays", _tf_arrays),
    Case("in", "HF table, by column", lambda bench: _submitted(bench, "W4", _tables)),
    Case(
        "in", "HF table, by record", lambda bench: _submitted(bench, "W4", _tables, by_record=True)
    ),
]
