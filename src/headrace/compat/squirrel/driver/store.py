"""The driver of shards: a `SquirrelStore`, read shard by shard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from headrace.compat.squirrel.driver.driver import MapDriver
from headrace.compat.squirrel.fsspec.fs import URL
from headrace.compat.squirrel.iterstream import Composable
from headrace.compat.squirrel.serialization.serializer import SquirrelSerializer
from headrace.compat.squirrel.store import AbstractStore, SquirrelStore
from headrace.contracts.errors import ArgumentError

# Any, in this file: records are the user's, and options those of the store.


class StoreDriver(MapDriver):
    """Reads the shards at `url`; `.store` is made when it is first used.

    Raises:
        ArgumentError: when it is used, an address or options that cannot be.

    Example:
        >>> import tempfile
        >>> from headrace.compat.squirrel.serialization import JsonSerializer
        >>> driver = StoreDriver(tempfile.mkdtemp(), JsonSerializer())
        >>> driver.store.set([{"id": 3}, {"id": 5}], "a")
        'a'
        >>> driver.get_iter().collect()
        [{'id': 3}, {'id': 5}]
    """

    name = "store_driver"

    def __init__(
        self,
        url: URL,
        serializer: SquirrelSerializer,
        storage_options: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.url = url
        self.serializer = serializer
        self.storage_options = dict(storage_options or {})

    def get_iter(self, flatten: bool = True, **kwargs: Any) -> Composable:  # type: ignore[override]
        """The records of all shards, or with `flatten=False` the shards; see `MapDriver`."""
        return super().get_iter(flatten=flatten, **kwargs)

    def get(self, key: Any, **kwargs: Any) -> Iterable[Any]:
        """The records of a shard."""
        found: Iterable[Any] = self.store.get(key, **kwargs)
        return found

    def keys(self, **kwargs: Any) -> Iterable[Any]:
        """The keys of all shards."""
        return self.store.keys(**kwargs)

    @cached_property
    def store(self) -> AbstractStore:
        """The store that is read."""
        return SquirrelStore(self.url, self.serializer, **self.storage_options)


def without_store(name: str, kwargs: Mapping[str, Any]) -> None:
    """Refuses a store where the driver makes its own. Raises ArgumentError."""
    if "store" in kwargs:
        raise ArgumentError(
            f"{name} makes its own store, and got store={kwargs['store']!r}. Pass url= and "
            "storage_options=, or write a MapDriver around the store."
        )
