"""YogaDL's own job, written once: the names of both packages are the same.

Pictures of the size of MNIST's are stored from a tf.data.Dataset, and streamed from their middle
on, shuffled in each epoch.
"""

# Any, in this file: either package, and TensorFlow's values.
from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect, read_rate, seconds, settle

WORK = "compat yogadl"
RECORDS = 20_000
SHAPE = (28, 28, 1)
BATCH = 32
SEED = 23
SUBMITS = 3


def cases(yogadl: Any, name: str) -> list[Case]:
    """The rows of one of the packages."""
    return [
        Case(WORK, f"{name}, submit", lambda bench: _submit(yogadl, bench)),
        Case(WORK, f"{name}, records", lambda bench: _records(yogadl, bench)),
        Case(WORK, f"{name}, tf batches", lambda bench: _batches(yogadl, bench)),
    ]


def _submit(yogadl: Any, bench: Bench) -> Figures:
    storage, dataset = _storage(yogadl, bench, "submit"), _dataset(bench)
    settle()
    versions = itertools.count()
    found = seconds(
        lambda: storage.submit(dataset, "pictures", f"{next(versions)}.0"), repeats=SUBMITS
    )
    return {"value": bench.effort.records(RECORDS) / found["value"], "unit": "records/s"}


def _records(yogadl: Any, bench: Bench) -> Figures:
    stream = _stream(yogadl, bench)
    return read_rate(
        lambda: stream,
        records=bench.effort.records(RECORDS),
        per_batch=1,
        check=lambda record: _check(record["image"], record["label"]),
        effort=bench.effort,
    )


def _batches(yogadl: Any, bench: Bench) -> Figures:
    dataset = yogadl.tensorflow.make_tf_dataset(_stream(yogadl, bench)).batch(BATCH)
    return read_rate(
        lambda: dataset,
        records=bench.effort.records(RECORDS),
        per_batch=BATCH,
        check=lambda batch: _check(batch["image"].numpy()[0], int(batch["label"][0])),
        effort=bench.effort,
    )


def _stream(yogadl: Any, bench: Bench) -> Any:
    storage = _storage(yogadl, bench, "read")
    storage.submit(_dataset(bench), "pictures", "1.0")
    ref = storage.fetch("pictures", "1.0")
    stream = ref.stream(start_offset=len(ref) // 2, shuffle=True, shuffle_seed=SEED)
    # The half of the first epoch, so that the measured ones are whole.
    expect(sum(1 for _ in stream) == len(ref) - len(ref) // 2, "the offset applies once")
    return stream


def _storage(yogadl: Any, bench: Bench, use: str) -> Any:
    folder = Path(bench.scratch) / yogadl.__name__ / use
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return yogadl.storage.LFSStorage(yogadl.storage.LFSConfigurations(str(folder)))


def _dataset(bench: Bench) -> Any:
    count = bench.effort.records(RECORDS)
    images = np.empty((count, *SHAPE), np.uint8)
    images[:] = _pixel(np.arange(count))[:, None, None, None]
    return tf.data.Dataset.from_tensor_slices({"image": images, "label": np.arange(count)})


def _check(image: Any, label: int) -> None:
    is_whole = np.shape(image) == SHAPE and (np.asarray(image) == _pixel(label)).all()
    expect(bool(is_whole), f"the picture of {label} is another one")


def _pixel(label: Any) -> Any:
    return label % 251
