"""The driver of shards of JSON Lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.compat.squirrel.driver.store import StoreDriver, without_store
from headrace.compat.squirrel.fsspec.fs import URL
from headrace.compat.squirrel.iterstream import Composable
from headrace.compat.squirrel.serialization import JsonSerializer
from headrace.compat.squirrel.serialization.jsonl import Hook


class JsonlDriver(StoreDriver):
    """A `StoreDriver` of a `JsonSerializer`; `deser_hook` is called for each dict of a record.

    Raises:
        ArgumentError: it is given a store.
    """

    name = "jsonl"

    def __init__(
        self,
        url: URL,
        deser_hook: Hook | None = None,
        storage_options: Mapping[str, Any] | None = None,  # Any: those of the store
        **kwargs: Any,
    ) -> None:
        without_store("JsonlDriver", kwargs)
        super().__init__(url, JsonSerializer(deser_hook), storage_options, **kwargs)

    def get_iter(self, get_kwargs: Mapping[str, Any] | None = None, **kwargs: Any) -> Composable:  # type: ignore[override]  # as the original
        """The records of all shards; see `StoreDriver`."""
        return super().get_iter(get_kwargs=get_kwargs, **kwargs)
