"""tf.keras trained on the second half of the digits, stopped in mid-epoch and resumed exactly.

The first half is not read: `start_offset` is arithmetic on positions, where `Dataset.skip` would
draw and drop it.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

import headrace as hr
from headrace.adapters.tensorflow import make_tf_dataset

# Any, in this file: TensorFlow publishes no types.

BATCH = 32
EPOCHS = 8
STOP = 100  # the step after which a run is cut off, in mid-epoch


def digits() -> Any:
    """What a user has: a tf.data.Dataset of 1,797 images with their labels."""
    images, labels = load_digits(return_X_y=True)
    return tf.data.Dataset.from_tensor_slices(
        {"image": images.reshape(-1, 8, 8, 1).astype(np.float32), "label": labels}
    )


def prepared(record: dict[str, Any]) -> tuple[Any, Any]:
    """A step of the user's own, which stays as it was."""
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


def fit(model: Any, dataset: Any, steps: int) -> Any:
    return model.fit(dataset, steps_per_epoch=steps, shuffle=False, verbose=0).history


def train(model: Any, loader: hr.DataLoader[Any], steps: int) -> None:
    """`steps` batches, over as many epochs as that takes."""
    dataset = make_tf_dataset(loader).repeat().map(prepared)
    fit(model, dataset.prefetch(tf.data.AUTOTUNE), steps)


def equal(one: Any, other: Any) -> bool:
    return all(map(np.array_equal, one.get_weights(), other.get_weights()))


def main(folder: Path) -> None:
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()

    # Store the dataset once; its element_spec is kept.
    ref = hr.Storage(folder / "cache").submit(digits(), "digits", "1.0")
    print(f"stored    {len(ref)} records of {ref.schema}")

    # Go on in the middle of an epoch: what came before is not read, and the next one is whole.
    half = len(ref) // 2
    stream = ref.stream(start_offset=half, shuffle=True, shuffle_seed=7).batch(BATCH)
    dataset = make_tf_dataset(stream).map(prepared)
    counts = [sum(len(labels) for _, labels in dataset) for _ in range(2)]
    print(f"offset    the first pass has {counts[0]} records, the second {counts[1]}")
    steps = -(-counts[0] // BATCH)
    loss = fit(new_model(), make_tf_dataset(stream).map(prepared), steps)["loss"]
    print(f"half      trained on it, loss {loss[0]:.2f}")

    # Train on the second half for some epochs, each in another order, and test on the first.
    batches = ref[half:].shuffle(seed=7).stream().batch(BATCH, drop_last=True)
    steps = EPOCHS * len(batches)
    whole = new_model()
    train(whole, hr.DataLoader(batches), steps)
    test = make_tf_dataset(ref[:half].stream().batch(BATCH)).map(prepared)
    _, accuracy = whole.evaluate(test, verbose=0)
    print(f"trained   {steps} steps, accuracy {accuracy:.3f} on the first half")

    # The same again, cut off and resumed.
    cut_off = new_model()
    loader = hr.DataLoader(batches)
    train(cut_off, loader, STOP)
    cut_off.save(folder / "model.keras")
    # tf.data has read ahead; the loader knows where it was after 100 batches.
    saved = json.dumps(loader.state_dict(delivered=STOP))
    print(f"stopped   after {STOP} steps, in epoch {STOP / len(batches):.2f}: {len(saved)} bytes")

    resumed = keras.models.load_model(folder / "model.keras")
    loader = hr.DataLoader(batches)
    loader.load_state_dict(json.loads(saved))
    train(resumed, loader, steps - STOP)
    print(f"resumed   {steps - STOP} more steps, weights equal: {equal(resumed, whole)}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
