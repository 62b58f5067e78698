"""tf.data.Dataset as a source."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from headrace.contracts.block import Column, Columns, Layout, RowKind
from headrace.contracts.errors import ArgumentError
from headrace.contracts.records import Records
from headrace.contracts.source import Drawn
from headrace.contracts.tree import structure_of
from headrace.extras import is_instance
from headrace.sources.frameworks.element_spec import (
    ORIGIN_KIND,
    components,
    described,
    packed,
    values_of,
)
from headrace.sources.frameworks.tensor_parts import (
    block_records,
    kind_of,
    part_specs,
    parts_of,
    record_of,
)

# Any, in this file: a source is whatever the user has, and TensorFlow is optional.


@dataclass(frozen=True, eq=False)
class TensorFlowSource:
    """The records of a tf.data.Dataset, as NumPy arrays, scalars and bytes.

    A tensor of strings is a list of bytes. A ragged tensor is a dict of flat_values and
    row_splits, a sparse one of indices, values and dense_shape. The element_spec is kept as the
    origin, so that `make_tf_dataset` gives it back.

    Raises:
        ArgumentError: a component is neither tensor nor ragged nor sparse; the message names it.
    """

    dataset: Any

    def __post_init__(self) -> None:
        described(self._tf, self.dataset.element_spec)

    @property
    def identity(self) -> str:
        """The structure of what it gives."""
        return f"drawn from tf.data.Dataset of {self.dataset.element_spec}"

    @property
    def size(self) -> int | None:
        """Its cardinality, None where TensorFlow does not know it."""
        cardinality = int(self.dataset.cardinality())
        return cardinality if cardinality >= 0 else None

    @property
    def is_endless(self) -> bool:
        """Whether its cardinality is infinite."""
        return int(self.dataset.cardinality()) == int(self._tf.data.INFINITE_CARDINALITY)

    @property
    def origin(self) -> dict[str, Any]:
        """The element_spec, as JSON."""
        return {
            "kind": ORIGIN_KIND,
            "element_spec": described(self._tf, self.dataset.element_spec),
        }

    def draw(self, epoch: int) -> Iterator[Any]:
        """A fresh pass, record by record."""
        spec = self.dataset.element_spec
        kinds = [kind_of(self._tf, one) for _, one in components(spec)]
        if set(kinds) <= {"dense"}:
            for value in self.dataset.as_numpy_iterator():
                yield packed(spec, map(_plain, values_of(spec, value)))
            return
        counts = [len(part_specs(self._tf, one)) for _, one in components(spec)]
        for value in self._in_parts(kinds).as_numpy_iterator():
            parts = map(_plain, value)
            taken = [list(itertools.islice(parts, count)) for count in counts]
            yield packed(spec, map(record_of, kinds, taken))

    def blocks(self, epoch: int) -> Iterator[Columns[Any] | list[Any]]:
        """A fresh pass in blocks: columns where all records have one shape."""
        spec = self.dataset.element_spec
        size = block_records(self._tf, [one for _, one in components(spec)])
        if not size:
            yield from ([record] for record in self.draw(epoch))
            return
        tree = structure_of(packed(spec, itertools.repeat(None)))
        layout = Layout(tree, tuple(_row_kind(one) for _, one in components(spec)))
        start = 0
        try:
            for value in self.dataset.batch(size).as_numpy_iterator():
                leaves = [_column(leaf) for leaf in values_of(spec, value)]
                yield Columns(layout, leaves, len(leaves[0]))
                start += len(leaves[0])
        except Exception as error:
            error.add_note(f"It is one of the records {start} to {start + size - 1}.")
            raise

    def unbatched(self) -> TensorFlowSource:
        """The source of the records in its batches, rows of ragged and sparse tensors among them.

        Raises:
            ArgumentError: a component is no batch.
        """
        try:
            return TensorFlowSource(self.dataset.unbatch())
        except ValueError as error:
            raise ArgumentError(
                f"unbatch takes batches, got a tf.data.Dataset of {self.dataset.element_spec}: "
                f"{error} Give each part of a batch one entry a record, or leave out unbatch to "
                "store what it gives as it comes."
            ) from error

    @property
    def _tf(self) -> Any:
        # Who has a dataset has imported TensorFlow.
        return sys.modules["tensorflow"]

    def _in_parts(self, kinds: list[str]) -> Any:
        """The dataset with a flat tuple of dense tensors for each record."""
        spec = self.dataset.element_spec

        def taken_apart(*arguments: Any) -> tuple[Any, ...]:
            # TensorFlow passes the members of a plain tuple one by one.
            value = arguments if type(spec) is tuple else arguments[0]
            tensors = zip(kinds, values_of(spec, value), strict=True)
            return tuple(part for kind, tensor in tensors for part in parts_of(kind, tensor))

        return self.dataset.map(taken_apart)


def tensorflow_source(source: Any) -> Records[Any] | Drawn | None:
    """The records of `source`, None where it is of another kind."""
    if not is_instance(source, "tensorflow", "data.Dataset"):
        return None
    return TensorFlowSource(source)


def _plain(value: Any) -> Any:
    """A string tensor as a list of bytes; all else stays."""
    return value.tolist() if isinstance(value, np.ndarray) and value.dtype == object else value


def _column(leaf: Any) -> Column:
    column: Column = _plain(leaf)
    return column


def _row_kind(spec: Any) -> RowKind:
    if spec.dtype.name == "string":
        return "object"
    return "array" if spec.shape.rank else "scalar"
