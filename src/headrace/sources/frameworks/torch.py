"""Datasets and loaders of torch as a source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from headrace.contracts.errors import ArgumentError
from headrace.contracts.records import Records
from headrace.contracts.source import Drawn
from headrace.extras import is_instance
from headrace.sources.iterable import hinted, is_endless
from headrace.sources.sequence import SequenceRecords

# Any, in this file: a source is whatever the user has.


@dataclass(frozen=True)
class TorchIterable:
    """What an IterableDataset or a DataLoader gives; asked anew for each pass, as torch does it."""

    iterable: Any = field(repr=False, compare=False)

    @property
    def identity(self) -> str:
        return f"drawn from {type(self.iterable).__name__}"

    @property
    def size(self) -> int | None:
        return hinted(self.iterable) if hasattr(type(self.iterable), "__len__") else None

    @property
    def is_endless(self) -> bool:
        return is_endless(self.iterable)

    def draw(self, epoch: int) -> Iterator[Any]:
        return iter(self.iterable)


def torch_source(source: Any) -> Records[Any] | Drawn | None:
    """The records of `source`, None where it is of another kind.

    A map-style Dataset has random access. An IterableDataset and a DataLoader are drawn from;
    what a DataLoader gives, batches mostly, are the records.

    Raises:
        ArgumentError: a map-style Dataset without a length.

    Example:
        >>> torch_source([1, 2]) is None
        True
    """
    # With torch at hand, Hugging Face makes its own datasets datasets of torch.
    if is_instance(source, "datasets", "Dataset", "IterableDataset"):
        return None
    if is_instance(source, "torch", "utils.data.IterableDataset", "utils.data.DataLoader"):
        return TorchIterable(source)
    if not is_instance(source, "torch", "utils.data.Dataset"):
        return None
    if not hasattr(type(source), "__len__"):
        name = type(source).__name__
        raise ArgumentError(
            f"a map-style torch Dataset needs __len__, and {name} has none, so nobody can tell "
            "its indices. Give it one, make it an IterableDataset, or pass "
            f"(dataset[index] for index in indices)."
        )
    return SequenceRecords(source)
