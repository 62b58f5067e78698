"""make_tf_dataset: epochs, specs, errors, ends, and the state after what was used."""

from __future__ import annotations

import gc
import os
import threading
from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

tf: Any = pytest.importorskip("tensorflow")  # Any: TensorFlow publishes no types
from headrace.adapters.tensorflow import make_tf_dataset  # noqa: E402

pytestmark = pytest.mark.slow

Pair = namedtuple("Pair", ["x", "y"])


class Broken(Exception):
    """An error of the user's own."""


def numbers(count: int = 10) -> hr.DataRef[int]:
    return hr.DataRef.from_sequence(range(count))


def listed(dataset: Any) -> list[Any]:
    return [value.tolist() for value in dataset.as_numpy_iterator()]


# -- epochs -------------------------------------------------------------------------------------


def test_the_walkthrough_of_yogadl_gives_25_of_30_records() -> None:
    ref = hr.Storage("memory://").submit(tf.data.Dataset.range(10), "range", "1.0")
    stream = ref.stream(start_offset=5, shuffle=True, shuffle_seed=777)
    batches = listed(make_tf_dataset(stream).repeat(3).batch(5))
    epochs = [stream.epoch(epoch).collect() for epoch in range(3)]

    assert batches == [part for epoch in epochs for part in (epoch[:5], epoch[5:]) if part]
    assert [sorted(epoch) for epoch in epochs[1:]] == [list(range(10))] * 2
    assert epochs[1] != epochs[2]


def test_two_passes_at_once_are_two_epochs() -> None:
    stream = numbers().shuffle(seed=1).stream()
    dataset = make_tf_dataset(stream)
    one, other = iter(dataset), iter(dataset)
    pairs = [(int(next(one)), int(next(other))) for _ in range(10)]

    assert [list(epoch) for epoch in zip(*pairs, strict=True)] == [
        stream.epoch(epoch).collect() for epoch in (0, 1)
    ]


def test_a_pass_begins_when_it_is_first_asked() -> None:
    dataset = make_tf_dataset(numbers().stream(start_offset=7))
    iter(dataset)

    assert listed(dataset) == [7, 8, 9]


def test_prefetch_cache_and_take_work_as_on_any_dataset() -> None:
    dataset = make_tf_dataset(numbers().stream())
    cached = make_tf_dataset(numbers().shuffle(seed=1).stream()).cache()

    assert listed(dataset.prefetch(tf.data.AUTOTUNE)) == list(range(10))
    assert listed(dataset.take(3)) == [0, 1, 2]
    assert listed(cached) == listed(cached)


def test_a_users_own_pipeline_runs_unchanged_behind_it() -> None:
    images = np.random.default_rng(1).integers(0, 256, (20, 4, 4), dtype=np.uint8)

    def augment(record: Any) -> Any:
        return tf.cast(record["image"], tf.float32) / 255.0, record["label"]

    def pipeline(dataset: Any) -> list[Any]:
        ready = dataset.map(augment, num_parallel_calls=2).batch(8).prefetch(2)
        return list(ready.as_numpy_iterator())

    original = tf.data.Dataset.from_tensor_slices({"image": images, "label": np.arange(20)})
    cached = make_tf_dataset(hr.Storage("memory://").submit(original, "images", "1.0"))

    for one, other in zip(pipeline(original), pipeline(cached), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


# -- specs --------------------------------------------------------------------------------------


def test_sparse_tensors_keep_their_shape_beside_ragged_ones() -> None:
    sparse = tf.sparse.from_dense([[0, 1], [2, 0], [0, 0]])
    ragged = tf.ragged.constant([[1], [2, 3], []])
    original = tf.data.Dataset.from_tensor_slices({"s": sparse, "r": ragged})
    made = make_tf_dataset(hr.Storage("memory://").submit(original, "parts", "1.0"))

    assert made.element_spec == original.element_spec
    dense = [tf.sparse.to_dense(record["s"]).numpy().tolist() for record in made]
    assert dense == [[0, 1], [2, 0], [0, 0]]


def test_the_spec_of_stored_records_is_that_of_their_schema() -> None:
    records = [
        {"x": np.ones((n, 2), "f4"), "s": "a", "n": n, "l": [1] * n, "p": Pair(1.5, True)}
        for n in (1, 2)
    ]
    dataset = make_tf_dataset(hr.Storage("memory://").submit(records, "records", "1.0"))

    assert dataset.element_spec == {
        "x": tf.TensorSpec([None, None], tf.float32),
        "s": tf.TensorSpec([], tf.string),
        "n": tf.TensorSpec([], tf.int64),
        "l": tf.TensorSpec([None], tf.int64),
        "p": Pair(tf.TensorSpec([], tf.float64), tf.TensorSpec([], tf.bool)),
    }
    assert [record["x"].shape.as_list() for record in dataset] == [[1, 2], [2, 2]]


def test_the_spec_of_other_records_is_that_of_the_first() -> None:
    stream = hr.stream([{"x": np.zeros(3), "tags": ["a", "b"]}, {"x": np.ones(3), "tags": ["c"]}])
    dataset = make_tf_dataset(stream)

    assert dataset.element_spec == {
        "x": tf.TensorSpec([3], tf.float64),
        "tags": tf.TensorSpec([None], tf.string),
    }
    assert [record["tags"].numpy().tolist() for record in dataset] == [[b"a", b"b"], [b"c"]]


@pytest.mark.parametrize(("drop_last", "size"), [(False, None), (True, 4)])
def test_batches_have_an_open_first_axis_unless_all_are_full(
    drop_last: bool, size: int | None
) -> None:
    ref = hr.Storage("memory://").submit({"x": np.arange(20).reshape(10, 2)}, "x", "1.0")
    batches = ref.stream().batch(4, drop_last=drop_last)
    changed = batches.map(lambda batch: {**batch, "y": batch["x"][:, 0]})

    assert make_tf_dataset(batches).element_spec == {"x": tf.TensorSpec([size, 2], tf.int64)}
    assert make_tf_dataset(changed).element_spec["y"] == tf.TensorSpec([size], tf.int64)
    assert [len(batch["x"]) for batch in make_tf_dataset(changed)] == (
        [4, 4] if drop_last else [4, 4, 2]
    )


def test_texts_of_a_batch_are_a_string_tensor() -> None:
    stream = hr.stream([{"s": "a"}, {"s": "bc"}, {"s": ""}]).batch(2)

    assert [batch["s"].numpy().tolist() for batch in make_tf_dataset(stream)] == [
        [b"a", b"bc"],
        [b""],
    ]


def test_a_given_signature_converts_numbers_of_its_kind() -> None:
    dataset = make_tf_dataset(hr.stream([1, 2.5]), output_signature=tf.TensorSpec([], tf.float32))

    assert listed(dataset) == [1.0, 2.5]


def test_a_number_beyond_the_signature_is_refused_and_not_wrapped() -> None:
    signature = tf.TensorSpec([], tf.int8)
    dataset = make_tf_dataset(hr.stream([1, 300]), output_signature=signature)

    with pytest.raises(tf.errors.InvalidArgumentError, match="expected int8 of shape .*300"):
        list(dataset.as_numpy_iterator())


def test_a_given_signature_takes_ragged_tensors_and_their_parts() -> None:
    whole = tf.ragged.constant([[1], [2, 3]])
    parts = {"flat_values": np.array([4], "i4"), "row_splits": (np.array([0, 0, 1]),)}
    signature = tf.RaggedTensorSpec([None, None], tf.int32, 1)
    dataset = make_tf_dataset(hr.stream(lambda: iter([whole, parts])), output_signature=signature)

    assert [value.to_list() for value in dataset] == [[[1], [2, 3]], [[], [4]]]


def test_the_first_record_is_drawn_once_for_the_spec_and_the_first_pass() -> None:
    seen: list[int] = []
    dataset = make_tf_dataset(numbers(3).stream().tap(seen.append).map(float))

    assert seen == [0]
    assert listed(dataset) == [0.0, 1.0, 2.0]
    assert seen == [0, 1, 2]


def test_the_cardinality_is_the_length_where_it_is_known() -> None:
    assert len(make_tf_dataset(numbers())) == 10
    unknown = make_tf_dataset(numbers().stream().filter(bool))
    assert int(unknown.cardinality()) == tf.data.UNKNOWN_CARDINALITY
    shortened = make_tf_dataset(numbers().stream(start_offset=5))
    assert int(shortened.cardinality()) == tf.data.UNKNOWN_CARDINALITY


# -- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "message"),
    [
        (
            [{"x": np.zeros(2)}, {"x": np.zeros(3)}],
            r"the field 'x' does not fit.*expected float64 of shape \(2,\), "
            r"got float64 of shape \(3,\).*output_signature=",
        ),
        ([{"x": 1}, {"x": 1.5}], r"the field 'x'.*expected int64 of shape \(\), got float64"),
        ([{"x": 1}, {"x": None}], r"the field 'x'.*got NoneType 'None'"),
        ([{"x": 1}, {"y": 1}], r"the record does not fit.*got a dict of \['y'\]"),
        ([{"x": "a"}, {"x": 1}], r"the field 'x'.*expected string.*got int64"),
    ],
    ids=["shape", "dtype", "none", "fields", "text"],
)
def test_a_later_record_that_misfits_is_named_after_those_before_it(
    records: list[Any], message: str
) -> None:
    iterator = iter(make_tf_dataset(hr.stream(records)))
    next(iterator)

    with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?s)RecordError: {message}"):
        next(iterator)


def test_what_is_no_tensor_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"the field 'when' holds datetime64.*with \.map"):
        make_tf_dataset(hr.stream([{"when": np.datetime64("2026-01-01")}]))


def test_a_stream_without_records_needs_a_signature() -> None:
    with pytest.raises(ArgumentError, match="no record to see the spec.*output_signature="):
        make_tf_dataset(hr.stream([]).map(float))


def test_another_kind_of_source_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"got list.*hr\.stream"):
        make_tf_dataset([1, 2])  # type: ignore[arg-type]


def test_batches_of_ragged_records_are_left_to_tensorflow() -> None:
    dataset = tf.data.Dataset.from_tensor_slices(tf.ragged.constant([[1], [2, 3]]))
    ref = hr.Storage("memory://").submit(dataset, "ragged", "1.0")

    with pytest.raises(ArgumentError, match=r"RaggedTensorSpec.*make_tf_dataset\(ref"):
        make_tf_dataset(ref.stream().batch(2))
    assert [batch.to_list() for batch in make_tf_dataset(ref).batch(2)] == [[[1], [2, 3]]]


def test_an_error_of_the_users_function_shows_its_type_message_and_place() -> None:
    def fail_at_3(number: int) -> int:
        if number == 3:
            raise Broken("a bad record")
        return number

    iterator = iter(make_tf_dataset(numbers().stream().map(fail_at_3)))
    got = [int(next(iterator)) for _ in range(3)]
    with pytest.raises(tf.errors.UnknownError) as caught:
        next(iterator)
    text = str(caught.value)

    assert got == [0, 1, 2]
    assert "Broken: a bad record" in text
    assert "in fail_at_3" in text
    assert "epoch 0, position 3, index 3" in text


def test_a_stop_iteration_of_the_users_function_is_no_end() -> None:
    def stop(number: int) -> int:
        raise StopIteration

    dataset = make_tf_dataset(
        numbers().stream().map(stop), output_signature=tf.TensorSpec([], tf.int64)
    )
    with pytest.raises(tf.errors.UnknownError, match="StopIteration"):
        list(dataset)


# -- ends ---------------------------------------------------------------------------------------


def test_a_pass_that_is_left_ends_its_threads() -> None:
    before = threading.active_count()
    with hr.DataLoader(numbers(1000).stream().map(float), backend=hr.Threads(2)) as loader:
        dataset = make_tf_dataset(loader)
        for _ in dataset.take(3):
            pass
        assert threading.active_count() > before
    assert threading.active_count() == before


def test_a_dropped_pass_closes_what_it_draws_from() -> None:
    closed = threading.Event()

    def drawn() -> Any:
        try:
            yield from range(1000)
        finally:
            closed.set()

    iterator = iter(make_tf_dataset(hr.stream(drawn)))
    next(iterator)
    assert not closed.is_set()
    del iterator
    gc.collect()

    assert closed.wait(10)


# -- loaders ------------------------------------------------------------------------------------


def test_a_loader_goes_on_with_the_next_epoch_and_counts_what_was_used() -> None:
    stream = numbers(40).shuffle(seed=3).stream().batch(4)
    whole = [batch.tolist() for epoch in range(3) for batch in stream.epoch(epoch)]
    loader = hr.DataLoader(stream)
    dataset = make_tf_dataset(loader).repeat(3).prefetch(8)
    used = [value for value, _ in zip(dataset.as_numpy_iterator(), range(13), strict=False)]
    state = loader.state_dict(delivered=13)
    second = hr.DataLoader(stream)
    second.load_state_dict(state)
    rest = listed(make_tf_dataset(second).repeat(2))

    assert [batch.tolist() for batch in used] == whole[:13]
    assert rest == whole[13:]


def test_single_records_of_a_loader_are_counted_as_the_user_sees_them() -> None:
    stream = numbers(3000).shuffle(seed=3).stream().map(lambda number: number + 1)
    loader = hr.DataLoader(stream)
    dataset = make_tf_dataset(loader).batch(10).prefetch(4)
    for number, _ in enumerate(dataset, start=1):
        if number == 150:
            break
    second = hr.DataLoader(stream)
    second.load_state_dict(loader.state_dict(delivered=1500))

    assert listed(make_tf_dataset(second)) == stream.collect()[1500:]


def test_a_state_loaded_after_the_dataset_was_made_counts() -> None:
    stream = numbers(8).stream().map(float)
    loader = hr.DataLoader(stream)
    state = loader.state_dict(delivered=0)
    state["at"] = 5
    dataset = make_tf_dataset(loader)
    loader.load_state_dict(state)

    assert listed(dataset) == [5.0, 6.0, 7.0]


def test_a_second_pass_over_a_loader_ends_the_first() -> None:
    loader = hr.DataLoader(numbers(5000).stream())
    dataset = make_tf_dataset(loader)
    first = iter(dataset)
    next(first)
    next(iter(dataset))

    with pytest.raises(tf.errors.UnknownError, match="not the loader's newest"):
        list(first)
