"""headrace's records in the tensors of torch and TensorFlow, beside what TensorFlow offers."""

# Any, in this file: batches are trees of tensors.
from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
import torch

import headrace as hr
from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, read_rate, warm
from benchmarks.stored import stored
from benchmarks.workloads import Workload
from headrace.adapters.tensorflow import make_tf_dataset

SEED = 1


def _to_torch(bench: Bench, work: str) -> Figures:
    torch.set_num_threads(1)
    source = bench.workload(work)
    ref = stored(bench, work)
    warm(bench.scratch / "stored" / work)
    stream = ref.shuffle(SEED).stream().batch(source.shape.batch_size)
    with hr.DataLoader(stream, to="torch") as loader:
        return read_rate(
            lambda: loader,
            records=len(source),
            per_batch=source.shape.batch_size,
            check=lambda batch: source.check({k: v.numpy() for k, v in batch.items()}),
            effort=bench.effort,
        )


def _tf_rate(bench: Bench, work: str, make: Callable[[Bench, Workload], Any]) -> Figures:
    """Records a second, record by record, as a user's own pipeline would take them."""
    source = bench.workload(work)
    dataset = make(bench, source)
    return read_rate(
        lambda: dataset,
        records=len(source),
        per_batch=1,
        check=lambda record: source.check_record(_plain(record)),
        effort=bench.effort,
    )


def _tf_batches(bench: Bench, work: str, make: Callable[[Bench, Workload], Any]) -> Figures:
    """The same through the user's `.batch`, which takes them without Python."""
    source = bench.workload(work)
    size = source.shape.batch_size
    dataset = make(bench, source).batch(size)
    return read_rate(
        lambda: dataset,
        records=len(source),
        per_batch=size,
        check=lambda batch: source.check({k: v.numpy() for k, v in batch.items()}),
        effort=bench.effort,
    )


def _made(bench: Bench, source: Workload) -> Any:
    ref = stored(bench, source.name)
    warm(bench.scratch / "stored" / source.name)
    return make_tf_dataset(ref.shuffle(SEED).stream())


def _generated(bench: Bench, source: Workload) -> Any:
    """The same records by tf.data's own bridge from Python."""
    order = np.random.default_rng(SEED).permutation(len(source)).tolist()

    def records() -> Iterator[dict[str, Any]]:
        return (source.record(index) for index in order)

    first = source.record(0)
    signature = {
        name: tf.TensorSpec(np.shape(value), np.asarray(value).dtype)
        for name, value in first.items()
    }
    return tf.data.Dataset.from_generator(records, output_signature=signature)


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    arrays = {name: value.numpy() for name, value in record.items()}
    return {name: a.item() if np.ndim(a) == 0 else a for name, a in arrays.items()}


CASES = [
    Case("W1", "headrace, to torch", lambda bench: _to_torch(bench, "W1")),
    Case("W3", "headrace, to torch", lambda bench: _to_torch(bench, "W3")),
    Case("tf", "make_tf_dataset, batched", lambda bench: _tf_batches(bench, "W1", _made)),
    Case("tf", "from_generator, batched", lambda bench: _tf_batches(bench, "W1", _generated)),
    Case("tf", "make_tf_dataset, records", lambda bench: _tf_rate(bench, "W1", _made)),
    Case("tf", "from_generator, records", lambda bench: _tf_rate(bench, "W1", _generated)),
]
