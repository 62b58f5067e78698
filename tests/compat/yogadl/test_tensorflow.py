"""YogaDL's functions of TensorFlow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
import headrace.compat.yogadl as yogadl
from headrace.compat.yogadl.dataref import LMDBDataRef, RecordsDataRef
from headrace.compat.yogadl.storage import LFSConfigurations, LFSStorage
from headrace.contracts.errors import ArgumentError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

tf: Any = pytest.importorskip("tensorflow")  # Any: TensorFlow publishes no types

pytestmark = pytest.mark.slow


def listed(dataset: Any) -> list[Any]:
    return [value.tolist() for value in dataset.as_numpy_iterator()]


def fetched(folder: Path, dataset: Any) -> yogadl.DataRef:
    storage = LFSStorage(LFSConfigurations(folder))
    storage.submit(dataset, "data", "1.0")
    return storage.fetch("data", "1.0")


def test_the_walkthrough_gives_the_documents_numbers(tmp_path: Path) -> None:
    ref = fetched(tmp_path, tf.data.Dataset.range(10))
    stream = ref.stream(start_offset=5, shuffle=True, shuffle_seed=777)
    batches = yogadl.tensorflow.make_tf_dataset(stream).repeat(3).batch(5)

    assert listed(batches) == [
        [5, 1, 9, 6, 7],
        [1, 7, 3, 9, 8],
        [2, 6, 0, 4, 5],
        [9, 5, 3, 0, 8],
        [6, 7, 4, 1, 2],
    ]


def test_types_and_shapes_are_those_of_the_dataset_that_was_stored(tmp_path: Path) -> None:
    images = np.zeros((4, 2, 3), np.uint8)
    slices = tf.data.Dataset.from_tensor_slices(
        {"image": images, "pair": (np.arange(4), ["t"] * 4)}
    )
    stream = fetched(tmp_path, slices).stream()
    known = tf.compat.v1.data

    assert stream.output_types == known.get_output_types(slices)
    assert stream.output_shapes == known.get_output_shapes(slices)
    assert yogadl.tensorflow.make_tf_dataset(stream).element_spec == slices.element_spec
    wrapped = yogadl.Stream(
        stream.iterator_fn, len(stream), stream.output_types, stream.output_shapes
    )
    assert yogadl.tensorflow.make_tf_dataset(wrapped).element_spec == slices.element_spec


def test_a_dataset_goes_on_with_the_epoch_that_its_stream_is_in() -> None:
    stream = RecordsDataRef(hr.DataRef.from_sequence(range(10))).stream(5, True, False, 777)
    list(stream)

    assert listed(yogadl.tensorflow.make_tf_dataset(stream)) == [1, 7, 3, 9, 8, 2, 6, 0, 4, 5]


def test_a_stream_of_ones_own_is_called_once_an_epoch() -> None:
    epochs = []

    def records() -> Any:
        epochs.append(1)
        return ({"n": n, "pair": (n, [1.5, n])} for n in range(3))

    types = {"n": tf.int32, "pair": (tf.int64, tf.float32)}
    stream = yogadl.Stream(records, 3, types)
    dataset = yogadl.tensorflow.make_tf_dataset(stream)

    assert [int(record["n"]) for record in dataset.repeat(2)] == [0, 1, 2, 0, 1, 2]
    assert len(epochs) == 2
    assert dataset.element_spec["n"] == tf.TensorSpec(None, tf.int32)
    shapes = {"n": [], "pair": ([], [2])}
    shaped = yogadl.tensorflow.make_tf_dataset(yogadl.Stream(records, 3, types, shapes))
    assert shaped.element_spec["pair"] == (tf.TensorSpec([], tf.int64), tf.TensorSpec([2]))


def test_a_stream_that_says_no_types_shows_them() -> None:
    stream = yogadl.Stream(lambda: iter([np.float32(1), np.float32(2)]), 2)

    assert listed(yogadl.tensorflow.make_tf_dataset(stream)) == [1.0, 2.0]
    with pytest.raises(ArgumentError, match=r"takes a yogadl.Stream, got list"):
        yogadl.tensorflow.make_tf_dataset([1])  # type: ignore[arg-type]


def test_a_dataset_is_written_as_lmdb_and_read_with_its_types(tmp_path: Path) -> None:
    pytest.importorskip("lmdb")
    dataset = tf.data.Dataset.range(5).map(lambda n: {"n": n, "text": tf.strings.as_string(n)})
    path = tmp_path / "cache.mdb"

    assert yogadl.tensorflow.serialize_tf_dataset_to_lmdb(dataset, path, None) == 5
    stream = LMDBDataRef(path, allow_pickle=True).stream(start_offset=3)
    assert stream.output_types == {"n": tf.int64, "text": tf.string}
    again = yogadl.tensorflow.make_tf_dataset(stream)
    assert again.element_spec == dataset.element_spec
    assert [record["text"] for record in again.as_numpy_iterator()] == [b"3", b"4"]


def test_y_b19_a_dataset_without_an_end_is_refused(tmp_path: Path) -> None:
    endless = tf.data.Dataset.range(3).repeat()

    with pytest.raises(ArgumentError, match=r"never ends"):
        fetched(tmp_path, endless)
    with pytest.raises(ArgumentError, match=r"never ends.*put \.take\(n\) behind it"):
        yogadl.tensorflow.serialize_tf_dataset_to_lmdb(endless, tmp_path / "c.mdb")
    with pytest.raises(ArgumentError, match=r"a tf.data.Dataset was expected, got list"):
        yogadl.tensorflow.serialize_tf_dataset_to_lmdb([1], tmp_path / "c.mdb")


def test_records_are_read_as_numpy_values() -> None:
    found = list(yogadl.tensorflow.read_tf_dataset(tf.data.Dataset.range(3), None))

    assert found == [0, 1, 2]
    assert type(found[0]) is np.int64
    with tf.Graph().as_default():
        dataset = tf.data.Dataset.range(3)
        assert list(yogadl.tensorflow.read_tf_dataset(dataset, None)) == [0, 1, 2]


def test_a_dataset_of_graph_mode_is_stored(tmp_path: Path) -> None:
    config = LFSConfigurations(tmp_path)
    with tf.Graph().as_default():
        storage = LFSStorage(config, tf.compat.v1.ConfigProto())
        dataset = tf.data.Dataset.range(6).map(lambda n: {"n": n, "s": tf.strings.as_string(n)})
        storage.submit(dataset, "range", "1.0")
        made = storage.cacheable("range", "2.0")(lambda: tf.data.Dataset.range(2))
        assert list(made().stream()) == [0, 1]

    records = LFSStorage(config).fetch("range", "1.0").stream(start_offset=4)
    assert [(int(record["n"]), record["s"]) for record in records] == [(4, b"4"), (5, b"5")]


def test_a_generator_over_keys_gives_the_types_that_were_said() -> None:
    generator = yogadl.GeneratorFromKeys(
        range(10), 5, lambda n: {"n": n, "half": n / 2}, True, True, 777
    )
    stream = yogadl.Stream(
        generator.instantiate_generator,
        10,
        {"n": tf.int32, "half": tf.float32},
        {"n": tf.TensorShape([]), "half": tf.TensorShape([])},
    )
    records = list(yogadl.tensorflow.make_tf_dataset(stream).repeat(2).as_numpy_iterator())

    assert [int(record["n"]) for record in records] == [5, 1, 9, 6, 7, 1, 7, 3, 9, 8, 2, 6, 0, 4, 5]
    assert (records[0]["n"].dtype, records[0]["half"]) == (np.int32, np.float32(2.5))
