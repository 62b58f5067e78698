"""Keras trains on a loader: each batch once an epoch, and exactly on after a stop."""

from __future__ import annotations

import itertools
import os
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, StateError, StreamError
from headrace.sources.arrays import ArrayRecords

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

tf: Any = pytest.importorskip("tensorflow")  # Any: TensorFlow publishes no types
keras: Any = pytest.importorskip("keras")  # Any: its types are those of TensorFlow
datasets: Any = pytest.importorskip("sklearn.datasets")  # Any: it has no types
from headrace.adapters.keras import Batches, PyDataset  # noqa: E402
from headrace.adapters.tensorflow import make_tf_dataset  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    # Keras saves its variables by a way that NumPy 2 warns of.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword"),
]

COUNT, SIZE = 40, 8
BATCHES = COUNT // SIZE


@pytest.fixture(scope="module", autouse=True)
def deterministic() -> None:
    tf.config.experimental.enable_op_determinism()


def arrays() -> dict[str, Any]:
    images, labels = datasets.load_digits(return_X_y=True)
    x = (images[:COUNT] / 16).astype(np.float32)
    return {"id": np.arange(COUNT), "x": x, "y": labels[:COUNT]}


def pairs(batch: dict[str, Any]) -> tuple[Any, Any]:
    return batch["x"], batch["y"]


def stream_of(seen: list[list[int]] | None = None) -> hr.Stream[Any]:
    """Shuffled batches for Keras; `seen` gets the ids of each one that is made."""
    ref = hr.DataRef(ArrayRecords(arrays())).shuffle(5)
    batches = ref.stream().batch(SIZE)
    if seen is not None:
        batches = batches.tap(lambda batch: seen.append(batch["id"].tolist()))
    return batches.map(pairs)


def ids(epochs: range) -> list[list[int]]:
    seen: list[list[int]] = []
    for epoch in epochs:
        stream_of(seen).epoch(epoch).join()
    return seen


def model_of() -> Any:
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.layers.Input((64,)), keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    return model


def weights(model: Any) -> list[Any]:
    return [variable.numpy() for variable in [*model.weights, *model.optimizer.variables]]


def equal(one: Any, other: Any) -> bool:
    return all(map(np.array_equal, weights(one), weights(other)))


class StopAt(keras.callbacks.Callback):  # type: ignore[misc]
    """Stops a run after so many steps, as a job that is preempted."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.left = step

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        self.model.stop_training = self.left == 0


# -- each batch once ----------------------------------------------------------------------------


def test_fit_draws_each_batch_once_and_shuffles_each_epoch_anew() -> None:
    seen: list[list[int]] = []
    dataset = PyDataset(hr.DataLoader(stream_of(seen)))
    history = model_of().fit(dataset, epochs=3, shuffle=False, verbose=0).history

    assert seen == ids(range(3))
    assert history["loss"][-1] < history["loss"][0]


def test_a_second_fit_evaluate_and_predict_go_on_with_the_next_epochs() -> None:
    seen: list[list[int]] = []
    dataset = PyDataset(hr.DataLoader(stream_of(seen)))
    model = model_of()
    model.fit(dataset, epochs=1, shuffle=False, verbose=0)
    model.fit(dataset, epochs=1, shuffle=False, verbose=0)
    model.evaluate(dataset, verbose=0)
    predicted = model.predict(dataset, verbose=0)
    model.evaluate(dataset, verbose=0)

    assert seen == ids(range(5))
    assert predicted.shape == (COUNT, 10)


def test_steps_that_part_an_epoch_part_no_data() -> None:
    seen: list[list[int]] = []
    with hr.DataLoader(stream_of(seen).take(4)) as loader:
        model_of().fit(PyDataset(loader), epochs=4, steps_per_epoch=2, shuffle=False, verbose=0)

    assert seen == [batch for epoch in range(2) for batch in ids(range(epoch, epoch + 1))[:4]]


@pytest.mark.parametrize("count", [1, 2])
def test_an_epoch_that_keras_looks_at_wholly_is_still_trained_on(count: int) -> None:
    seen: list[list[int]] = []
    loader = hr.DataLoader(stream_of(seen).take(count))
    model_of().fit(PyDataset(loader), epochs=3, shuffle=False, verbose=0)

    assert seen == [
        ids(range(3))[epoch * BATCHES + at] for epoch in range(3) for at in range(count)
    ]


def test_the_order_of_keras_takes_each_batch_once_too_but_has_no_state() -> None:
    dataset = PyDataset(hr.DataLoader(stream_of()))
    given: list[int] = []
    original = type(dataset).__getitem__

    def noted(self: Any, index: int) -> Any:
        given.append(index)
        return original(self, index)

    type(dataset).__getitem__ = noted
    try:
        model_of().fit(dataset, epochs=2, shuffle=True, verbose=0)
    finally:
        type(dataset).__getitem__ = original

    assert [sorted(given[2:][at : at + BATCHES]) for at in (0, BATCHES)] == [[0, 1, 2, 3, 4]] * 2
    with pytest.raises(StateError, match=r"another order.*shuffle=False"):
        dataset.state_dict(delivered=3)


def test_batches_are_those_of_their_index_in_any_order() -> None:
    dataset = PyDataset(hr.DataLoader(stream_of()))
    expected = stream_of().collect()
    second = stream_of().epoch(1).collect()

    for index in (3, 0, 4, 1, 2):
        np.testing.assert_array_equal(dataset[index][0], expected[index][0])
    np.testing.assert_array_equal(dataset[2][0], second[2][0])


def test_a_chain_without_addresses_is_asked_in_its_order_alone() -> None:
    late = stream_of().filter(lambda batch: True).batch(1, collate="list").map(lambda one: one[0])
    dataset = PyDataset(hr.DataLoader(late))
    dataset[0]

    with pytest.raises(StreamError, match=r"batch 3 was asked where batch 1.*shuffle=False"):
        dataset[3]


def test_threads_of_keras_take_each_batch_once_in_order() -> None:
    seen: list[list[int]] = []
    dataset = PyDataset(hr.DataLoader(stream_of(seen)), workers=3)
    threaded = model_of()
    threaded.fit(dataset, epochs=2, shuffle=False, verbose=0)
    plain = model_of()
    plain.fit(PyDataset(hr.DataLoader(stream_of())), epochs=2, shuffle=False, verbose=0)

    assert seen == ids(range(2))
    assert equal(threaded, plain)


def test_an_unknown_number_of_batches_needs_the_steps_and_leaves_no_gap() -> None:
    seen: list[list[int]] = []
    unknown = stream_of(seen).filter(lambda batch: True)
    dataset = PyDataset(hr.DataLoader(unknown))
    model_of().fit(dataset, epochs=2, steps_per_epoch=7, shuffle=False, verbose=0)

    assert dataset.num_batches is None
    assert seen[:14] == ids(range(3))[:14]


def test_a_strategy_trains_on_each_batch_of_a_py_dataset_once() -> None:
    seen: list[list[int]] = []
    with tf.distribute.MirroredStrategy(["/cpu:0"]).scope():
        model = model_of()
    dataset = PyDataset(hr.DataLoader(stream_of(seen)))
    history = model.fit(dataset, epochs=3, shuffle=False, verbose=0).history

    assert seen == ids(range(3))
    assert history["loss"][-1] < history["loss"][0]
    assert int(model.optimizer.iterations.numpy()) == 3 * BATCHES


def test_a_strategy_trains_on_tf_data_from_the_state_that_is_loaded_when_it_begins() -> None:
    with tf.distribute.MirroredStrategy(["/cpu:0"]).scope():
        model = model_of()
    loader = hr.DataLoader(stream_of())
    start = loader.state_dict()
    # Keras has looked at a batch by then, in a pass of its own.
    load = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: loader.load_state_dict(start))
    dataset = make_tf_dataset(loader).repeat(3)
    options: Any = {"steps_per_epoch": BATCHES, "shuffle": False, "verbose": 0}
    model.fit(dataset, epochs=3, callbacks=[load], **options)

    plain = model_of()
    plain.fit(make_tf_dataset(hr.DataLoader(stream_of())).repeat(3), epochs=3, **options)
    for one, other in zip(weights(model), weights(plain), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


# -- stop and resume ----------------------------------------------------------------------------


def test_fit_on_a_py_dataset_ends_with_the_weights_of_a_run_without_a_stop(
    tmp_path: Any,
) -> None:
    whole = model_of()
    whole.fit(PyDataset(hr.DataLoader(stream_of())), epochs=3, shuffle=False, verbose=0)

    stopped = model_of()
    dataset = PyDataset(hr.DataLoader(stream_of()))
    stopped.fit(dataset, epochs=3, shuffle=False, verbose=0, callbacks=[StopAt(BATCHES + 2)])
    state = dataset.state_dict(delivered=BATCHES + 2)
    stopped.save(tmp_path / "model.keras")

    resumed = keras.models.load_model(tmp_path / "model.keras")
    loader = hr.DataLoader(stream_of())
    loader.load_state_dict(state)
    rest = PyDataset(loader)
    assert len(rest) == BATCHES - 2
    resumed.fit(rest, initial_epoch=1, epochs=2, shuffle=False, verbose=0)
    resumed.fit(rest, initial_epoch=2, epochs=3, shuffle=False, verbose=0)

    assert not equal(stopped, whole)
    assert equal(resumed, whole)


def test_fit_on_tf_data_ends_with_the_weights_of_a_run_without_a_stop(tmp_path: Any) -> None:
    whole = model_of()
    dataset = make_tf_dataset(hr.DataLoader(stream_of())).repeat(3)
    whole.fit(dataset, epochs=3, steps_per_epoch=BATCHES, shuffle=False, verbose=0)

    stopped = model_of()
    loader = hr.DataLoader(stream_of())
    ahead = make_tf_dataset(loader).repeat(3).prefetch(8)
    stop = StopAt(BATCHES + 2)
    stopped.fit(
        ahead, epochs=3, steps_per_epoch=BATCHES, shuffle=False, verbose=0, callbacks=[stop]
    )
    state = loader.state_dict(delivered=BATCHES + 2)
    stopped.save(tmp_path / "model.keras")

    resumed = keras.models.load_model(tmp_path / "model.keras")
    second = hr.DataLoader(stream_of())
    second.load_state_dict(state)
    rest = make_tf_dataset(second).repeat(2)
    resumed.fit(rest, epochs=1, steps_per_epoch=2 * BATCHES - 2, shuffle=False, verbose=0)

    assert not equal(stopped, whole)
    assert equal(resumed, whole)


def test_epochs_of_other_lengths_in_one_fit_are_refused() -> None:
    loader = hr.DataLoader(stream_of())
    first = PyDataset(loader)
    first[0]
    second = hr.DataLoader(stream_of())
    second.load_state_dict(first.state_dict(delivered=1))

    with pytest.raises(
        StreamError,
        match=r"this epoch has 5 batches, and fit was begun when 4 were left.*epochs=e \+ 1",
    ):
        model_of().fit(PyDataset(second), epochs=2, shuffle=False, verbose=0)


def test_another_kind_of_source_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"got Stream.*hr\.DataLoader\(stream\)"):
        PyDataset(stream_of())  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", list(itertools.permutations(range(3))), ids=str)
def test_threads_that_overtake_each_other_get_their_own_batches(asked: tuple[int, ...]) -> None:
    batches = Batches(hr.DataLoader(hr.stream(range(6)).batch(2)), 3)

    found = {index: batches.batch(index).tolist() for index in asked}

    assert found == {0: [0, 1], 1: [2, 3], 2: [4, 5]}
    assert batches.state(3)["at"] == 3


def test_a_rank_with_fewer_batches_gives_its_last_one_again() -> None:
    for rank in range(2):
        ranks = hr.Ranks(rank, 2)
        batches = PyDataset(hr.DataLoader(hr.stream(range(5)), ranks=ranks, epoch_end="longest"))
        wanted = [0, 2, 4] if rank == 0 else [1, 3, 3]
        assert len(batches) == 3
        assert [batches[index] for index in range(3)] == wanted
        assert [batches[index] for index in (2, 0, 1)] == [wanted[2], *wanted[:2]]
