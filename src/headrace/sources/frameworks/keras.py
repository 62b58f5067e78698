"""Keras PyDataset and Sequence as a source."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from headrace.contracts.errors import ArgumentError
from headrace.contracts.records import Records
from headrace.contracts.source import Drawn
from headrace.extras import is_instance

# Any, in this file: Keras is optional, and its batches are of every type.


@dataclass(frozen=True)
class KerasSource:
    """The batches of a PyDataset, one a record, from index 0 on.

    It is told of each epoch by `on_epoch_begin` and `on_epoch_end`, as `fit` does it. A stream
    that resumes in a later epoch tells it of those before, so that a dataset which shuffles
    itself from a seed of its own comes to the same order.
    """

    dataset: Any
    # The epochs that it was told of; they only go forward.
    _begun: list[int] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def identity(self) -> str:
        """The type's name."""
        return f"drawn from {type(self.dataset).__name__}"

    @property
    def size(self) -> int | None:
        """The number of batches, None where there is no end."""
        count = _batch_count(self.dataset)
        return None if count is None else int(count)

    @property
    def is_endless(self) -> bool:
        """Whether it says that it has no end."""
        return self.size is None

    def draw(self, epoch: int) -> Iterator[Any]:
        """A fresh pass."""
        self._tell(epoch)
        size = self.size
        for index in itertools.count() if size is None else range(size):
            yield self.dataset[index]

    def _tell(self, epoch: int) -> None:
        while len(self._begun) <= epoch:
            if self._begun:
                self.dataset.on_epoch_end()
            self._begun.append(len(self._begun))
            # Keras before 3.4 has none.
            getattr(self.dataset, "on_epoch_begin", lambda: None)()


def keras_source(source: Any) -> Records[Any] | Drawn | None:
    """The records of `source`, None where it is of another kind.

    Raises:
        ArgumentError: it says no number of batches.

    Example:
        >>> keras_source([1, 2]) is None
        True
    """
    is_keras = is_instance(source, "keras", "utils.PyDataset", "utils.Sequence")
    # The Keras 2 that TensorFlow can be told to go on with.
    if not is_keras and not is_instance(source, "tf_keras", "utils.Sequence"):
        return None
    try:
        _batch_count(source)
    except NotImplementedError as error:
        raise ArgumentError(
            f"a Keras dataset must say its number of batches, and {type(source).__name__} does "
            "not. Give it __len__, or the property num_batches (None: it has no end)."
        ) from error
    return KerasSource(source)


def _batch_count(dataset: Any) -> int | None:
    # A Sequence of Keras 2 has a length only.
    count: int | None = dataset.num_batches if hasattr(dataset, "num_batches") else len(dataset)
    return count
