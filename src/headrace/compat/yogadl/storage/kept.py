"""What every storage of YogaDL does with a `headrace.Storage`."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headrace.compat.yogadl.core import DataRef, Submittable
from headrace.compat.yogadl.dataref import RecordsDataRef
from headrace.compat.yogadl.stream import Stream
from headrace.compat.yogadl.tensorflow import read_tf_dataset_graph_mode
from headrace.extras import is_instance
from headrace.storage import Storage

# Any, in this file: TensorFlow publishes no types, and functions are the user's.


@dataclass(frozen=True)
class Kept:
    """A `headrace.Storage` by YogaDL's verbs."""

    native: Storage
    allow_pickle: bool = False
    tensorflow_config: Any = None

    def submit(self, data: Submittable, dataset_id: str, dataset_version: str) -> None:
        """Stores a dataset; one of that name and version is replaced when the new one is whole."""
        self.native.submit(
            self._source(data),
            dataset_id,
            dataset_version,
            replace=True,
            allow_pickle=self.allow_pickle,
        )

    def fetch(self, dataset_id: str, dataset_version: str) -> RecordsDataRef:
        """The stored records."""
        return RecordsDataRef(
            self.native.fetch(dataset_id, dataset_version, allow_pickle=self.allow_pickle)
        )

    def cacheable(
        self, dataset_id: str, dataset_version: str
    ) -> Callable[[Callable[..., Submittable]], Callable[..., DataRef]]:
        """What `headrace.Storage.cacheable` does, whatever the arguments of the call."""
        once = self.native.cacheable(dataset_id, dataset_version, allow_pickle=self.allow_pickle)

        def decorate(function: Callable[..., Submittable]) -> Callable[..., DataRef]:
            @functools.wraps(function)
            def cached(*args: Any, **kwargs: Any) -> RecordsDataRef:
                # A function without arguments, so that none is kept with the version.
                def source() -> Any:
                    return self._source(function(*args, **kwargs))

                # Messages speak of the user's function.
                source.__module__ = getattr(function, "__module__", source.__module__)
                source.__qualname__ = getattr(function, "__qualname__", source.__qualname__)
                return RecordsDataRef(once(source)())

            return cached

        return decorate

    def _source(self, data: Submittable) -> Any:
        if isinstance(data, DataRef):
            data = data.stream()
        if isinstance(data, Stream):
            return data.native
        is_dataset = is_instance(data, "tensorflow", "data.Dataset")
        if is_dataset and not sys.modules["tensorflow"].executing_eagerly():
            return read_tf_dataset_graph_mode(data, self.tensorflow_config)
        return data
