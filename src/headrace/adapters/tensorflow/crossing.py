"""How records become the tensors of a tf.data.Dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from headrace.contracts import Block, stack
from headrace.contracts.errors import RecordError
from headrace.sources.frameworks.element_spec import components, packed, values_of
from headrace.sources.frameworks.tensor_parts import (
    as_one_row,
    block_records,
    joined,
    kind_of,
    part_specs,
    record_parts,
)

# Any, in this file: TensorFlow is optional, and records hold the user's values.

REMEDY = (
    "Make the records alike with .map, or say what fits them all with "
    "make_tf_dataset(..., output_signature=...)."
)


@dataclass(frozen=True, eq=False)
class Part:
    """One dense tensor that crosses: the field that it is of, its TensorSpec."""

    name: str
    spec: Any
    casting: Literal["safe", "same_kind"]

    def array(self, value: Any, rows: int | None = None) -> npt.NDArray[Any]:
        """The value as an array that fits the spec; of as many records as `rows` says.

        Raises:
            RecordError: it does not fit.
        """
        array = self._text(value) if self.is_text else self._number(value)
        if array is None or not self._fits(array.shape if rows is None else array.shape[1:]):
            raise self._misfit(value, rows)
        return array

    @property
    def is_text(self) -> bool:
        """Whether the tensor holds strings."""
        return bool(self.spec.dtype.name == "string")

    @cached_property
    def _dtype(self) -> Any:
        return np.dtype(self.spec.dtype.as_numpy_dtype)

    @cached_property
    def _extents(self) -> list[int | None] | None:
        return None if self.spec.shape.rank is None else list(self.spec.shape)

    def _number(self, value: Any) -> npt.NDArray[Any] | None:
        array = value if isinstance(value, np.ndarray) else array_of(value)
        if array is None or array.dtype == self._dtype:
            return array
        if array.dtype == object or not np.can_cast(array.dtype, self._dtype, self.casting):
            return None
        made = array.astype(self._dtype)
        # Whole numbers out of range would wrap around.
        is_whole = array.dtype.kind in "iu" and made.dtype.kind in "iu"
        return None if is_whole and (made != array).any() else made

    def _text(self, value: Any) -> npt.NDArray[Any] | None:
        array = np.asarray(value, dtype=object)
        if array.size == 0 and self._extents is not None:
            # A list without members does not tell the extents behind the first.
            return array if array.ndim == len(self._extents) else self._empty()
        return array if all(isinstance(one, str | bytes) for one in array.flat) else None

    def _empty(self) -> npt.NDArray[Any]:
        return np.empty([extent or 0 for extent in self._extents or ()], dtype=object)

    def _fits(self, shape: tuple[int, ...]) -> bool:
        if self._extents is None:
            return True
        pairs = zip(shape, self._extents, strict=False)
        return len(shape) == len(self._extents) and all(
            wanted is None or extent == wanted for extent, wanted in pairs
        )

    def _misfit(self, value: Any, rows: int | None) -> RecordError:
        array = array_of(value)
        got = f"{type(value).__name__} {str(value)[:40]!r}"
        if array is not None and array.dtype != object:
            got = f"{array.dtype} of shape {array.shape[0 if rows is None else 1 :]} ({got})"
        shape = "any shape" if self._extents is None else f"shape {_shown(self._extents)}"
        return RecordError(
            f"{field_of(self.name)} does not fit the tf.data.Dataset: expected "
            f"{self.spec.dtype.name} of {shape}, got {got}. {REMEDY}"
        )


@dataclass(frozen=True, eq=False)
class Crossing:
    """How records become the flat tensors that cross, and these the elements of a dataset."""

    tf: Any
    spec: Any
    casting: Literal["safe", "same_kind"] = "safe"

    @cached_property
    def parts(self) -> list[list[Part]]:
        """The parts of each component."""
        return [
            [
                Part(".".join(filter(None, (name, part))), one, self.casting)
                for part, one in part_specs(self.tf, spec)
            ]
            for name, spec in components(self.spec)
        ]

    @property
    def block_records(self) -> int:
        """How many records cross at once where all have one shape, else 0."""
        return block_records(self.tf, [spec for _, spec in components(self.spec)])

    @property
    def has_rows(self) -> bool:
        """Whether a component is a row of a ragged tensor, as only `unbatch` gives it."""
        return any(
            kind_of(self.tf, spec) == "ragged" and not spec.ragged_rank
            for _, spec in components(self.spec)
        )

    def signature(self, *, in_blocks: bool) -> tuple[Any, ...]:
        """The spec of what crosses: the parts of a record, or of several stacked."""
        flat = [part.spec for parts in self.parts for part in parts]
        if not in_blocks:
            return tuple(flat)
        return tuple(self.tf.TensorSpec([None, *one.shape], one.dtype) for one in flat)

    def single(self, record: Any) -> tuple[Any, ...]:
        """The parts of one record.

        Raises:
            RecordError: it does not fit the spec; the message names the field.
        """
        kinds = [kind_of(self.tf, spec) for _, spec in components(self.spec)]
        found: list[Any] = []
        for kind, parts, value in zip(kinds, self.parts, self._values(record), strict=True):
            try:
                values = [value] if kind == "dense" else record_parts(kind, value, len(parts))
            except LookupError:
                raise self._unlike(parts[0].name.rpartition(".")[0], value, kind) from None
            found += [part.array(one) for part, one in zip(parts, values, strict=True)]
        return tuple(found)

    def stacked(self, block: Block[Any]) -> Iterator[tuple[Any, ...]]:
        """The parts of all records of a block, stacked; as many as come before one that misfits.

        Raises:
            RecordError: a record does not fit the spec; the message names the field.
        """
        try:
            yield self._stacked(block)
        except RecordError:
            # Which record it was, only single ones can tell.
            for record in block:
                yield tuple(np.expand_dims(part, 0) for part in self.single(record))

    def element(self, *flat: Any) -> Any:
        """The element of the dataset whose parts these tensors are."""
        parts = iter(flat)
        specs = [spec for _, spec in components(self.spec)]
        taken = [list(islice(parts, len(one))) for one in self.parts]
        made = [joined(self.tf, spec, own) for spec, own in zip(specs, taken, strict=True)]
        return packed(self.spec, iter(made))

    def rows(self, *flat: Any) -> Any:
        """The element as the one row of a batch."""
        tf, specs = self.tf, [spec for _, spec in components(self.spec)]
        tensors = values_of(self.spec, self.element(*flat))
        pairs = zip(specs, tensors, strict=True)
        return packed(self.spec, (as_one_row(tf, spec, tensor) for spec, tensor in pairs))

    def _stacked(self, block: Block[Any]) -> tuple[Any, ...]:
        values = self._values(stack(block))
        return tuple(
            parts[0].array(value, len(block))
            for parts, value in zip(self.parts, values, strict=True)
        )

    def _values(self, record: Any) -> list[Any]:
        try:
            return values_of(self.spec, record)
        except LookupError as error:
            name, found = error.args
            raise self._unlike(name, found, "record of this structure") from None

    def _unlike(self, name: str, value: Any, expected: str) -> RecordError:
        got = f"a dict of {sorted(map(str, value))}" if isinstance(value, Mapping) else repr(value)
        return RecordError(
            f"{field_of(name)} does not fit the tf.data.Dataset: expected a {expected} "
            f"{self.spec}, got {got[:200]}. {REMEDY}"
        )


def field_of(name: str) -> str:
    """A field as errors name it; the name of a record that is one value is empty."""
    return f"the field {name!r}" if name else "the record"


def array_of(value: Any) -> npt.NDArray[Any] | None:
    """The value as an array, None where it can be none."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError):
        # Lists of different lengths.
        return None


def _shown(extents: list[int | None]) -> str:
    inner = ", ".join("?" if extent is None else str(extent) for extent in extents)
    return f"({inner}{',' if len(extents) == 1 else ''})"
