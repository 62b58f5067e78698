"""tf.data.Dataset as a source: what its tensors are stored as, and that its spec comes back."""

from __future__ import annotations

import os
from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, StreamError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

tf: Any = pytest.importorskip("tensorflow")  # Any: TensorFlow publishes no types
from headrace.adapters.tensorflow import make_tf_dataset  # noqa: E402

pytestmark = pytest.mark.slow

Pair = namedtuple("Pair", ["image", "label"])


def slices(values: Any) -> Any:
    return tf.data.Dataset.from_tensor_slices(values)


def windows() -> Any:
    return tf.data.Dataset.range(4).window(2)


DATASETS = {
    "scalars": lambda: tf.data.Dataset.range(5),
    "nested": lambda: slices({"x": np.ones((4, 3), "f4"), "t": (np.arange(4), [b"a", b""] * 2)}),
    "named tuple": lambda: slices(Pair(np.ones((2, 3), "u1"), [1, 2])),
    "batched": lambda: slices(np.arange(5)).batch(2),
    "unknown rank": lambda: tf.data.Dataset.from_generator(
        lambda: iter([[1], [1, 2]]), output_types=tf.int32
    ),
    "bfloat16": lambda: slices(tf.ones((3, 2), tf.bfloat16)),
    "texts": lambda: slices([["a", "b"], ["c", "d"]]),
    "batched texts": lambda: slices([["a", "b"], ["c", "d"], ["e", "f"]]).batch(2),
    "ragged rows": lambda: slices(tf.ragged.constant([[1, 2], [3], []])),
    "ragged": lambda: slices(tf.ragged.constant([[[1, 2], [3]], [[4]], []])),
    "ragged texts": lambda: slices((tf.ragged.constant([["a"], ["c", "d"]]), [1, 2])).batch(2),
    "ragged, int32 splits": lambda: slices(
        tf.ragged.constant([[[1, 2], [3]], []], row_splits_dtype=tf.int32)
    ),
    "ragged with even rows": lambda: tf.data.Dataset.from_tensors(
        tf.RaggedTensor.from_uniform_row_length(tf.ragged.constant([[1, 2], [3], [], [4]]), 2)
    ),
    "sparse": lambda: slices(tf.sparse.from_dense([[1, 0, 2], [0, 0, 0]])),
    "none": lambda: tf.data.Dataset.range(3).map(lambda number: (number, None)),
}


@pytest.mark.parametrize("name", DATASETS)
def test_a_stored_dataset_comes_back_with_its_spec_and_values(name: str) -> None:
    dataset = DATASETS[name]()
    ref = hr.Storage("memory://").submit(dataset, "stored", "1.0")
    back = make_tf_dataset(ref.stream())

    assert back.element_spec == dataset.element_spec
    assert str(list(back)) == str(list(dataset))


def test_records_are_numpy_values_and_bytes() -> None:
    dataset = slices({"x": np.ones((2, 3), "f4"), "n": [1, 2], "s": ["a", "b"]})
    [record, _] = hr.stream(dataset).collect()

    assert (record["x"].dtype, record["n"], record["s"]) == (np.float32, 1, b"a")
    assert record["n"].dtype == np.int32


def test_ragged_and_sparse_tensors_are_their_parts() -> None:
    ragged = tf.ragged.constant([[[1, 2], [3]]])
    sparse = tf.sparse.from_dense([[0, 7]])
    [(first, second)] = hr.stream(slices((ragged, sparse))).collect()

    assert first["flat_values"].tolist() == [1, 2, 3]
    assert [splits.tolist() for splits in first["row_splits"]] == [[0, 2, 3]]
    assert {name: part.tolist() for name, part in second.items()} == {
        "indices": [[1]],
        "values": [7],
        "dense_shape": [2],
    }


def test_small_records_cross_in_columns() -> None:
    dataset = slices({"x": np.arange(5000)})
    [source] = [hr.stream(dataset).node.source]
    lengths = [len(block) for block in source.blocks(0)]  # type: ignore[union-attr]

    assert lengths == [1024] * 4 + [904]


def test_the_size_is_the_cardinality() -> None:
    assert len(hr.stream(tf.data.Dataset.range(7))) == 7
    with pytest.raises(StreamError, match="length of this stream is not known"):
        len(hr.stream(tf.data.Dataset.range(7).filter(lambda number: number > 3)))


def test_an_endless_dataset_needs_a_limit() -> None:
    storage = hr.Storage("memory://")
    endless = tf.data.Dataset.range(3).repeat()

    with pytest.raises(ArgumentError, match="never ends.*limit="):
        storage.submit(endless, "endless", "1.0")
    assert list(storage.submit(endless, "endless", "1.0", limit=4).stream()) == [0, 1, 2, 0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (windows, "the element of this tf.data.Dataset is a DatasetSpec.*dataset.map"),
        (
            lambda: tf.data.Dataset.range(2).map(
                lambda n: {"a": n, "b": (n, tf.experimental.Optional.from_value(n))}
            ),
            r"the component 'b.1' of this tf.data.Dataset is a OptionalSpec",
        ),
    ],
    ids=["dataset", "optional"],
)
def test_what_cannot_be_kept_is_named(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        hr.stream(make())


def test_a_function_that_returns_a_dataset_keeps_the_spec_too() -> None:
    storage = hr.Storage("memory://")
    ref = storage.submit(lambda: slices(tf.ragged.constant([[1], [2, 3]])), "made", "1.0")

    assert make_tf_dataset(ref).element_spec == tf.RaggedTensorSpec([None], tf.int32, 0)


def test_an_error_in_the_pipeline_publishes_nothing() -> None:
    storage = hr.Storage("memory://")
    failing = tf.data.Dataset.range(5).map(lambda number: 1 // (number - 3))

    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        storage.submit(failing, "failing", "1.0")
    assert "It is one of the records 0 to 1023." in caught.value.__notes__
    assert storage.datasets() == []


def submitted(source: Any) -> hr.DataRef[Any]:
    return hr.Storage("memory://").submit(source, "d", "1", unbatch=True)


@pytest.mark.parametrize("wrapped", [lambda source: source, hr.stream], ids=["dataset", "stream"])
def test_ragged_batches_come_apart_by_rows_and_keep_the_spec_of_these(wrapped: Any) -> None:
    batches = tf.data.Dataset.from_tensors((tf.ragged.constant([[1], [2, 3]]), [7, 8]))

    ref = submitted(wrapped(batches))

    assert [(row.tolist(), int(label)) for row, label in ref.stream()] == [([1], 7), ([2, 3], 8)]
    made = make_tf_dataset(ref.stream())
    assert made.element_spec == batches.unbatch().element_spec
    assert [row.tolist() for row, _ in made.as_numpy_iterator()] == [[1], [2, 3]]


def test_a_changed_stream_of_batches_keeps_no_spec_of_the_batches() -> None:
    ref = submitted(hr.stream(slices(np.arange(5)).batch(2)).map(lambda batch: batch + 1))

    assert list(make_tf_dataset(ref.stream()).as_numpy_iterator()) == [1, 2, 3, 4, 5]


def test_single_values_are_no_batches() -> None:
    message = r"unbatch takes batches, got a tf\.data\.Dataset of TensorSpec.*or leave out unbatch"
    with pytest.raises(ArgumentError, match=message):
        submitted(tf.data.Dataset.range(3))
