"""Keras datasets are sources of batches, and hear of epochs."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.sources import Intake

pytestmark = pytest.mark.slow  # Keras imports TensorFlow


@pytest.fixture
def keras() -> Any:
    return pytest.importorskip("keras")


def batches_of(keras: Any, count: int | None = 4, *, bad: int | None = None) -> Any:
    """A dataset that shuffles itself after each epoch, and notes what it is told."""

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.told: list[str] = []
            self.order = np.arange(40)
            self.rng = np.random.default_rng(7)

        @property
        def num_batches(self) -> int | None:
            return count

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            if index == bad:
                raise OSError("no such file")
            x = self.order[10 * (index % 4) : 10 * (index % 4) + 10]
            return x, x % 2

        def on_epoch_begin(self) -> None:
            self.told.append("begin")

        def on_epoch_end(self) -> None:
            self.told.append("end")
            self.rng.shuffle(self.order)

    return Batches()


def test_each_index_is_one_batch(keras: Any) -> None:
    ref = hr.Storage("memory://").submit(batches_of(keras), "d", "1")

    assert len(ref) == 4
    assert ref[3][0].tolist() == list(range(30, 40))
    assert Intake(batches_of(keras)).total == 4


def test_unbatch_stores_the_records(keras: Any) -> None:
    ref = hr.Storage("memory://").submit(batches_of(keras), "d", "1", unbatch=True)

    assert [(int(x), int(y)) for x, y in ref.stream()] == [(n, n % 2) for n in range(40)]


def test_a_sequence_of_the_older_name_with_a_length_only_is_one_too(keras: Any) -> None:
    class Older(keras.utils.Sequence):  # type: ignore[misc]
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> Any:
            return np.full(2, index)

    older: Any = Older()
    assert [batch.tolist() for batch in hr.stream(older)] == [[0, 0], [1, 1], [2, 2]]


def test_it_hears_of_each_epoch_as_in_fit(keras: Any) -> None:
    ours, theirs = batches_of(keras), batches_of(keras)
    model = keras.Sequential([keras.layers.Reshape((1,)), keras.layers.Dense(1)])
    model.compile(loss="mse")

    with hr.DataLoader(hr.stream(ours)) as loader:
        seen = [[batch[0].tolist() for batch in loader] for _ in range(3)]
    model.fit(theirs, epochs=3, verbose=0)

    # Keras looks at all batches before the first epoch; ours cannot know that no further one comes.
    assert [*ours.told, "end"] == theirs.told[theirs.told.index("begin") :]
    assert seen[1] != seen[0] != seen[2]
    assert sorted(itertools.chain(*seen[1])) == list(range(40))


def test_a_resumed_stream_finds_the_order_of_its_epoch(keras: Any) -> None:
    with hr.DataLoader(hr.stream(batches_of(keras))) as loader:
        list(loader)
        running = iter(loader)
        next(running)
        state = loader.state_dict()
        rest = [batch[0].tolist() for batch in running]
    with hr.DataLoader(hr.stream(batches_of(keras))) as loader:
        loader.load_state_dict(state)
        resumed = [batch[0].tolist() for batch in loader]

    assert resumed == rest
    assert len(rest) == 3


def test_one_without_an_end_needs_a_limit(keras: Any) -> None:
    storage = hr.Storage("memory://")

    with pytest.raises(ArgumentError, match=r"KerasSource.* never ends.*limit="):
        storage.submit(batches_of(keras, None), "d", "1")
    assert len(storage.submit(batches_of(keras, None), "d", "1", limit=6)) == 6


def test_one_that_says_no_number_of_batches_is_refused(keras: Any) -> None:
    class Unsaid(keras.utils.PyDataset):  # type: ignore[misc]
        def __getitem__(self, index: int) -> int:
            return index

    with pytest.raises(ArgumentError, match=r"number of batches, and Unsaid does not\. Give it"):
        hr.stream(Unsaid())


def test_what_a_batch_raises_has_its_index_and_publishes_nothing(keras: Any) -> None:
    storage = hr.Storage("memory://")

    with pytest.raises(OSError, match="no such file") as caught:
        storage.submit(batches_of(keras, bad=2), "d", "1")

    assert "raised this at record 2; nothing was published" in caught.value.__notes__[0]
    assert storage.datasets() == []
