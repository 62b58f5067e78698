"""tf.data decoding W2d with its own decoder, on 2 threads."""

# Any, in this file: batches are arrays of TensorFlow's.
from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# Before the import, which prints otherwise.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from benchmarks.case import Bench
from benchmarks.decoding import BATCH, SIDE, decode_cases
from benchmarks.reading import WORKERS


def _decoded(jpeg: Any, label: Any) -> dict[str, Any]:
    image = tf.io.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_FAST")
    small = tf.image.resize(image, (SIDE, SIDE))
    return {"image": tf.cast(small, tf.uint8), "label": label}


@contextmanager
def _epochs(bench: Bench) -> Iterator[Callable[[], Any]]:
    fields = bench.workload("W2").fields
    photographs = (list(fields["jpeg"]), fields["label"])
    options = tf.data.Options()
    options.threading.private_threadpool_size = WORKERS
    chain = tf.data.Dataset.from_tensor_slices(photographs).shuffle(len(photographs[0]))
    chain = chain.map(_decoded, num_parallel_calls=WORKERS).batch(BATCH).prefetch(WORKERS)
    chain = chain.with_options(options)
    yield lambda: chain.as_numpy_iterator()


CASES = decode_cases("tf.data", _epochs, by_other_means=True)
