"""TFRecord files as dicts of tensors, without TensorFlow and protobuf."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.iter.archives import checked
from headrace.compat.torchdata.datapipes.iter.sources import nominal_length
from headrace.contracts.errors import RecordError, near
from headrace.extras import imported

# Any, in this file: tensors, and shapes and dtypes of torch.


@functional_datapipe("load_from_tfrecord")
class TFRecordLoader(IterDataPipe[dict[str, Any]]):
    """The Examples in TFRecord files: `flat_map(hr.parse.tfrecord("all"))`.

    Numbers are tensors of float32 and int64, bytes are lists of them. `spec` gives names with a
    shape and a dtype each, `{"label": ((), torch.int32)}`; a dtype that is none of torch's leaves
    the values, in nested lists of the shape. Checksums are verified.

    Raises:
        MissingExtra: torch is not installed; when it is read.
        IntegrityError: when it is read, a file is damaged, cut off, or none of TFRecord.
        RecordError: when it is read, a record lacks a feature of `spec`.
    """

    def __init__(
        self, datapipe: Any, spec: Mapping[str, Any] | None = None, length: int = -1
    ) -> None:
        self.datapipe = datapipe
        self.spec = spec
        self.length = length

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        return stream_of(self.datapipe).flat_map(Examples(self.spec))

    def __len__(self) -> int:
        return nominal_length(self, self.length)


@dataclass(frozen=True)
class Examples:
    """Gives the Examples in a file."""

    spec: Mapping[str, Any] | None

    def __call__(self, opened: tuple[str, Any]) -> Iterator[dict[str, Any]]:
        path, file = checked(opened)
        # The name says nothing of what the bytes are: what is before may have decompressed them.
        given: Callable[[], Any] = partial(_itself, file)
        for record in hr.parse.tfrecord("all")(hr.parse.File(path, "", given)):
            yield self._typed(record)

    def _typed(self, record: dict[str, Any]) -> dict[str, Any]:
        if self.spec is None:
            return {name: _tensor(values) for name, values in record.items()}
        for name in self.spec:
            if name not in record:
                raise RecordError(
                    f"Example is missing some required keys: {name!r} is in the spec and not in "
                    f"the record. {near(name, record)}"
                )
        return {name: shaped(record[name], *wanted) for name, wanted in self._wanted()}

    def _wanted(self) -> Iterator[tuple[str, Any]]:
        for name, wanted in (self.spec or {}).items():
            yield name, (None, None) if wanted is None else wanted


def shaped(values: Any, shape: Any, dtype: Any) -> Any:
    """The values of a feature as a tensor of a shape and dtype, or as nested lists."""
    tensor = _tensor(values)
    torch = imported("torch", extra="torch")
    if isinstance(dtype, torch.dtype):
        return (tensor if shape is None else tensor.reshape(shape)).to(dtype)
    if shape is None:
        return tensor
    if not isinstance(values, list):
        return np.asarray(values).reshape(shape).tolist()
    objects = np.empty(len(values), object)
    objects[:] = values
    return objects.reshape(shape).tolist()


def _tensor(values: Any) -> Any:
    if not isinstance(values, np.ndarray):
        return values
    # A tensor over memory that may not be written to warns.
    return imported("torch", extra="torch").from_numpy(values.copy())


def _itself(file: Any) -> Any:
    return file
