"""Tensors of torch in the files of a cache or rotation, which hold arrays."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from headrace.contracts.tree import builder, flatten, structure_of
from headrace.extras import is_instance
from headrace.tensors import to_numpy, to_torch

# Any, in this file: datasets are the user's, with records of every type.


def keeps_files(cache: Any, rotation: Any) -> bool:
    """Whether records go through files; what neither can be is refused by the loader."""
    on_disk = isinstance(rotation, Mapping) and rotation.get("medium") == "disk"
    return cache is not None or on_disk


def with_tensors(
    dataset_class: Any, collate_fn: Any
) -> tuple[Callable[..., Any], Callable[[list[Any]], Any]]:
    """The two, so that `collate_fn` is given the tensors that the dataset made."""
    if not (callable(dataset_class) and callable(collate_fn)):
        # The loader refuses what the user gave.
        return dataset_class, collate_fn
    return Noting(dataset_class), Restoring(collate_fn)


@dataclass(frozen=True)
class Noting:
    """Builds a dataset that notes of each record which of its leaves were tensors."""

    dataset_class: Callable[..., Any]

    @property
    def __name__(self) -> str:
        """The name that messages have for the class."""
        return self.dataset_class.__name__

    @property
    def __signature__(self) -> inspect.Signature:
        """The parameters of the class."""
        return inspect.signature(self.dataset_class)

    def __call__(self, **params: Any) -> NotedRecords:
        """The dataset of these params."""
        return NotedRecords(self.dataset_class(**params))


class NotedRecords:
    """The records of a dataset as {"record", "tensors"}, without a tensor."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        record = self._dataset[index]
        leaves = flatten(structure_of(record), record)
        places = [n for n, leaf in enumerate(leaves) if is_instance(leaf, "torch", "Tensor")]
        return {"record": to_numpy(record), "tensors": " ".join(map(str, places))}


@dataclass(frozen=True)
class Restoring:
    """Makes a batch of noted records: gives `collate_fn` what the dataset gave."""

    collate_fn: Callable[[list[Any]], Any]

    def __call__(self, noted: list[Any]) -> Any:
        """The batch of these records."""
        return self.collate_fn([_restored(one["record"], one["tensors"]) for one in noted])


def _restored(record: Any, tensors: str) -> Any:
    if not tensors:
        return record
    tree = structure_of(record)
    leaves = flatten(tree, record)
    for place in map(int, tensors.split()):
        leaves[place] = to_torch(np.asarray(leaves[place]))
    return builder(tree)(leaves)
