"""YogaDL's functions of TensorFlow, which is imported when one is called."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from headrace.adapters.tensorflow import make_tf_dataset as native_tf_dataset
from headrace.compat.yogadl.lmdb import WRITE_FREQUENCY, serialize_generator_to_lmdb
from headrace.compat.yogadl.stream import Epochs, Stream
from headrace.contracts.errors import ArgumentError
from headrace.extras import imported, is_instance
from headrace.sources.frameworks.tensorflow import TensorFlowSource

__all__ = [
    "make_tf_dataset",
    "read_tf_dataset",
    "read_tf_dataset_eager_mode",
    "read_tf_dataset_graph_mode",
    "serialize_tf_dataset_to_lmdb",
]

# Any, in this file: TensorFlow publishes no types.


def make_tf_dataset(stream: Stream) -> Any:
    """A tf.data.Dataset of the stream; each pass, so each round of `.repeat()`, is an epoch.

    It is `headrace.adapters.tensorflow.make_tf_dataset` of the stream's `native`, from the next
    epoch on. That of a Stream with a function of one's own is `tf.data.Dataset.from_generator`.

    Raises:
        MissingExtra: TensorFlow is not installed.
        ArgumentError: `stream` is none, or nothing tells what its records are.
    """
    tf = imported("tensorflow", extra="tf")
    if not isinstance(stream, Stream):
        raise ArgumentError(
            f"make_tf_dataset takes a yogadl.Stream, got {type(stream).__name__}. "
            "Make one: dataref.stream()."
        )
    stated = stream.stated
    signature = None if stated is None else _signature(tf, *stated)
    if isinstance(stream.iterator_fn, Epochs):
        return native_tf_dataset(stream.iterator_fn.upcoming, output_signature=signature)
    if signature is None:
        return native_tf_dataset(stream.native)
    return tf.data.Dataset.from_generator(stream.iterator_fn, output_signature=signature)


def read_tf_dataset(dataset: Any, tf_config: Any = None) -> Iterator[Any]:
    """The records of a tf.data.Dataset as NumPy values, in eager mode or in a graph.

    Raises:
        MissingExtra: TensorFlow is not installed.
    """
    if imported("tensorflow", extra="tf").executing_eagerly():
        return read_tf_dataset_eager_mode(dataset)
    return read_tf_dataset_graph_mode(dataset, tf_config)


def read_tf_dataset_eager_mode(dataset: Any) -> Iterator[Any]:
    """The records of a tf.data.Dataset as NumPy values."""
    yield from dataset.as_numpy_iterator()


def read_tf_dataset_graph_mode(dataset: Any, tf_config: Any = None) -> Iterator[Any]:
    """The same by a session, configured by `tf_config`, where TensorFlow runs graphs.

    Raises:
        MissingExtra: TensorFlow is not installed.
    """
    tf = imported("tensorflow", extra="tf")
    # One of a single shot draws a seed, which fails where TensorFlow is to be deterministic.
    iterator = tf.compat.v1.data.make_initializable_iterator(dataset)
    record = iterator.get_next()
    with tf.compat.v1.Session(config=tf_config) as session:
        session.run(iterator.initializer)
        while True:
            try:
                found = session.run(record)
            except tf.errors.OutOfRangeError:
                return
            yield found


def serialize_tf_dataset_to_lmdb(
    dataset: Any,
    checkpoint_path: str | os.PathLike[str],
    tf_config: Any = None,
    write_frequency: int = WRITE_FREQUENCY,
) -> int:
    """Writes a tf.data.Dataset as a `cache.mdb` of YogaDL; gives the number of records.

    Raises:
        ArgumentError: it is no tf.data.Dataset, never ends, or there is no folder to write to.
        VersionExists: there is a file of that name.
        MissingExtra: TensorFlow or lmdb is not installed.
    """
    tf = imported("tensorflow", extra="tf")
    if not is_instance(dataset, "tensorflow", "data.Dataset"):
        raise ArgumentError(
            f"a tf.data.Dataset was expected, got {type(dataset).__name__}. For other records "
            "use yogadl.serialize_generator_to_lmdb."
        )
    if tf.executing_eagerly() and TensorFlowSource(dataset).is_endless:
        raise ArgumentError(
            "the tf.data.Dataset never ends, and all of it was to be written. "
            "Leave out .repeat(), or put .take(n) behind it."
        )
    known = tf.compat.v1.data
    return serialize_generator_to_lmdb(
        read_tf_dataset(dataset, tf_config),
        known.get_output_shapes(dataset),
        known.get_output_types(dataset),
        checkpoint_path,
        write_frequency,
    )


def _signature(tf: Any, types: Any, shapes: Any) -> Any:
    """TensorSpecs in the structure of `types`; shapes that are not said are open."""
    if isinstance(types, dict):
        return {
            name: _signature(tf, one, None if shapes is None else shapes[name])
            for name, one in types.items()
        }
    if isinstance(types, list | tuple):
        open_shapes = [None] * len(types) if shapes is None else shapes
        parts = [_signature(tf, *pair) for pair in zip(types, open_shapes, strict=True)]
        return type(types)(*parts) if hasattr(types, "_fields") else tuple(parts)
    return tf.TensorSpec(shapes, types)
