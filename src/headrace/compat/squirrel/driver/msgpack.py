"""The driver of shards of MessagePack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.compat.squirrel.driver.store import StoreDriver, without_store
from headrace.compat.squirrel.fsspec.fs import URL
from headrace.compat.squirrel.serialization import MessagepackSerializer


class MessagepackDriver(StoreDriver):
    """A `StoreDriver` of a `MessagepackSerializer`.

    Raises:
        ArgumentError: it is given a store.
    """

    name = "messagepack"

    def __init__(
        self,
        url: URL,
        storage_options: Mapping[str, Any] | None = None,  # Any: those of the store
        **kwargs: Any,
    ) -> None:
        without_store("MessagepackDriver", kwargs)
        super().__init__(url, MessagepackSerializer(), storage_options, **kwargs)
