"""Datasets and loaders of torch are stored and streamed as they come."""

from __future__ import annotations

import traceback
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.sources import Intake, SequenceRecords, opened

COUNT = 100


def torch_module() -> Any:
    return pytest.importorskip("torch")


def map_style(count: int = COUNT, *, bad: int | None = None) -> Any:
    """A Dataset of the user's own, whose record `bad` cannot be made."""

    class Squares(torch_module().utils.data.Dataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return count

        def __getitem__(self, index: int) -> dict[str, Any]:
            if index == bad:
                raise KeyError("no such file")
            return {"x": torch_module().full((3,), index), "y": index * index}

    return Squares()


def stored(source: Any, **options: Any) -> Any:
    return hr.Storage("memory://").submit(source, "d", "1", **options)


def test_a_map_style_dataset_has_random_access_and_its_tensors_are_stored_as_arrays() -> None:
    dataset = map_style()

    ref = stored(dataset)

    assert isinstance(opened(dataset), SequenceRecords)
    assert Intake(dataset).total == COUNT
    assert len(ref) == COUNT
    assert ref[7]["y"] == 49
    np.testing.assert_array_equal(ref[7]["x"], [7, 7, 7])
    assert isinstance(hr.stream(dataset).take(1).collect()[0]["x"], torch_module().Tensor)


def test_the_datasets_of_torch_itself_are_map_style() -> None:
    torch = torch_module()
    data = torch.utils.data
    x, y = torch.arange(20).reshape(10, 2), torch.arange(10)
    tensors = data.TensorDataset(x, y)
    subset = data.Subset(tensors, [3, 1])
    joined = data.ConcatDataset([subset, tensors])

    for dataset, expected in ((tensors, range(10)), (subset, [3, 1]), (joined, [3, 1, *range(10)])):
        ref = stored(dataset)
        assert [int(label) for _, label in ref] == list(expected)
        assert ref[0][0].tolist() == x[next(iter(expected))].tolist()


def test_an_iterable_dataset_that_is_its_own_iterator_begins_anew_each_epoch() -> None:
    class Counting(torch_module().utils.data.IterableDataset):  # type: ignore[misc]
        def __iter__(self) -> Any:
            self.numbers = iter(range(3))
            return self

        def __next__(self) -> int:
            return next(self.numbers)

    counting: Any = Counting()
    loader = hr.DataLoader(hr.stream(counting))
    assert [list(loader), list(loader)] == [[0, 1, 2], [0, 1, 2]]


def test_a_dataset_is_one_whatever_methods_it_has_besides() -> None:
    class Readable(torch_module().utils.data.Dataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> int:
            return self.read(index)

        def read(self, index: int) -> int:
            return 10 * index

    assert list(stored(Readable())) == [0, 10, 20]


def test_getitems_is_asked_once_for_each_block() -> None:
    class AtOnce(torch_module().utils.data.Dataset):  # type: ignore[misc]
        def __init__(self) -> None:
            self.asked: list[int] = []

        def __len__(self) -> int:
            return COUNT

        def __getitems__(self, indices: list[int]) -> list[int]:
            self.asked += indices
            return [10 * index for index in indices]

    dataset = AtOnce()

    assert list(stored(dataset)) == [10 * index for index in range(COUNT)]
    assert dataset.asked == list(range(COUNT))


def test_a_dataset_that_offers_none_for_getitems_is_read_singly() -> None:
    dataset = map_style()
    dataset.__getitems__ = None

    assert stored(dataset)[3]["y"] == 9


def test_a_dataset_without_a_length_is_refused() -> None:
    class NoLength(torch_module().utils.data.Dataset):  # type: ignore[misc]
        def __getitem__(self, index: int) -> int:
            return index

    with pytest.raises(ArgumentError, match=r"Dataset needs __len__, and NoLength has none.*Give"):
        hr.stream(NoLength())


@pytest.mark.parametrize("bad", [0, 1, 7, COUNT - 1])
def test_what_a_record_raises_keeps_its_type_names_its_index_and_publishes_nothing(
    bad: int,
) -> None:
    storage = hr.Storage("memory://")

    with pytest.raises(KeyError, match="no such file") as caught:
        storage.submit(map_style(bad=bad), "d", "1")

    assert f"raised this at record {bad}; nothing was published" in caught.value.__notes__[0]
    assert "__getitem__" in [frame.name for frame in traceback.extract_tb(caught.tb)]
    assert storage.datasets() == []


@pytest.mark.parametrize("bad", [0, 5, 7])
def test_the_index_is_known_behind_the_getitems_of_a_subset_too(bad: int) -> None:
    # A Subset asks one by one within __getitems__, and the index is its own.
    indices = [90, 91, 92, 93, 94, 95, 96, 97]
    subset = torch_module().utils.data.Subset(map_style(bad=indices[bad]), indices)

    with pytest.raises(KeyError) as caught:
        stored(subset)

    assert f"raised this at record {bad};" in caught.value.__notes__[0]


def iterable(count: int | None, length: Any = None) -> Any:
    class Numbers(torch_module().utils.data.IterableDataset):  # type: ignore[misc]
        def __iter__(self) -> Any:
            return iter(range(count)) if count is not None else iter(int, 1)

    class Sized(Numbers):
        def __len__(self) -> int:
            if length is TypeError:
                raise TypeError("no length")
            return int(length)

    return Numbers() if length is None else Sized()


@pytest.mark.parametrize("length", [None, TypeError, COUNT])
def test_an_iterable_dataset_is_drawn_whatever_it_says_of_its_length(length: Any) -> None:
    dataset = iterable(COUNT, length)

    assert list(stored(dataset)) == list(range(COUNT))
    assert Intake(dataset).total == (COUNT if length == COUNT else None)
    assert list(hr.stream(dataset).epoch(1)) == list(range(COUNT))


def test_limit_cuts_an_iterable_dataset_without_an_end() -> None:
    assert list(stored(iterable(None), limit=5)) == [0] * 5


def test_a_loader_gives_its_batches_as_records() -> None:
    loader = torch_module().utils.data.DataLoader(map_style(10), batch_size=4)

    ref = stored(loader)

    assert Intake(loader).total == 3
    assert [record["y"].tolist() for record in ref] == [[0, 1, 4, 9], [16, 25, 36, 49], [64, 81]]
    assert ref[2]["x"].shape == (2, 3)


def test_a_loader_unbatched_gives_the_records_of_its_dataset() -> None:
    torch = torch_module()
    dataset = torch.utils.data.TensorDataset(torch.arange(20).reshape(10, 2), torch.arange(10))
    loader = torch.utils.data.DataLoader(dataset, batch_size=4)

    ref = stored(loader, unbatch=True)

    assert [(x.tolist(), int(y)) for x, y in ref] == [([2 * n, 2 * n + 1], n) for n in range(10)]


def test_a_loader_over_an_iterable_without_length_has_none() -> None:
    assert Intake(torch_module().utils.data.DataLoader(iterable(8), batch_size=4)).total is None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # other tests leave threads
def test_a_loader_with_workers_is_stored_in_its_order() -> None:
    data = torch_module().utils.data
    loader = data.DataLoader(
        map_style(40), batch_size=4, num_workers=2, multiprocessing_context="fork"
    )

    found = np.concatenate([record["y"] for record in stored(loader)])

    assert found.tolist() == [n * n for n in range(40)]


def test_a_dataset_of_hugging_face_is_left_to_its_own_source() -> None:
    torch_module()
    datasets = pytest.importorskip("datasets")
    from headrace.sources.frameworks.torch import torch_source

    # torch is imported, so these classes have torch's among their parents.
    whole = datasets.Dataset.from_dict({"x": [1, 2]})
    assert torch_source(whole) is None
    assert torch_source(whole.to_iterable_dataset()) is None
