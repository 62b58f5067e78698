"""YogaDL's walkthrough in its own names: store, fetch, stream, cache. Only the import is new."""

from __future__ import annotations

import os
import tempfile
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import tensorflow as tf

import headrace.compat.yogadl as yogadl

# Any, in this file: TensorFlow publishes no types.


def main(folder: str) -> None:
    # A storage in a folder.
    config = yogadl.storage.LFSConfigurations(folder)
    storage = yogadl.storage.LFSStorage(config)

    # Store a dataset, once.
    storage.submit(tf.data.Dataset.range(10), "range", "1.0")

    # Fetch it, in any process, and say how it is read: from the middle on, shuffled.
    dataref = storage.fetch("range", "1.0")
    stream = dataref.stream(start_offset=5, shuffle=True, shuffle_seed=777)
    records = yogadl.tensorflow.make_tf_dataset(stream)

    # Two epochs and a half, each in another order.
    for batch in records.repeat(3).batch(5):
        print(batch)

    # All of it in one step: the function runs once, whoever calls it.
    @storage.cacheable("range", "2.0")
    def make_records() -> Any:
        print("making range 2.0")
        return tf.data.Dataset.range(10)

    for _ in range(2):
        print(f"{len(make_records())} records")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(folder)
