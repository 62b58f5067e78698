"""tf.keras trained on the second half of the digits, in YogaDL's names.

The first half is not read: `start_offset` is arithmetic on positions, where `Dataset.skip` would
draw and drop it.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

import headrace.compat.yogadl as yogadl

# Any, in this file: TensorFlow publishes no types.

BATCH = 32


def prepared(record: dict[str, Any]) -> tuple[Any, Any]:
    """A step of the user's own, which is not cached."""
    return record["image"] / 16, record["label"]


def new_model() -> Any:
    keras.utils.set_random_seed(1)
    layers = [
        keras.layers.Input((8, 8, 1)),
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(10),
    ]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.005), loss, metrics=["accuracy"])
    return model


def main(folder: str) -> None:
    storage = yogadl.storage.LFSStorage(yogadl.storage.LFSConfigurations(folder))

    @storage.cacheable("digits", "1.0")
    def digits() -> Any:
        images, labels = load_digits(return_X_y=True)
        return tf.data.Dataset.from_tensor_slices(
            {"image": images.reshape(-1, 8, 8, 1).astype(np.float32), "label": labels}
        )

    dataref = digits()
    half = len(dataref) // 2
    stream = dataref.stream(start_offset=half, shuffle=True, shuffle_seed=23)
    dataset = yogadl.tensorflow.make_tf_dataset(stream).map(prepared).batch(BATCH)

    model = new_model()
    steps = -(-(len(dataref) - half) // BATCH)
    loss = model.fit(dataset, steps_per_epoch=steps, verbose=0).history["loss"][0]
    print(f"half      {steps} steps, loss {loss:.2f}")

    # The offset applied once: from now on epochs are whole.
    model.fit(dataset, epochs=4, verbose=0)
    test = yogadl.tensorflow.make_tf_dataset(dataref.stream()).map(prepared).batch(BATCH)
    _, accuracy = model.evaluate(test, verbose=0)
    print(f"trained   accuracy {accuracy:.3f} on what it was trained on")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(folder)
