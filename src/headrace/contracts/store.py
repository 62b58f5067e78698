"""The contract of a key-value store: values by key, each set at once or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

# Any, in this file: values are the user's, of every type.


@runtime_checkable
class Store(Protocol):
    """Values by key: a record, or a list of records, each.

    Called from several threads and processes at once.
    """

    def set(self, value: Any, key: str | None = None) -> str:
        """Keeps a value under `key`, in the place of the one before it; gives the key.

        Without `key` one is made that no other writer makes, whatever its seeds are.
        """
        ...

    def get(self, key: str) -> Any:
        """The value under a key. Raises NotFound, a KeyError that lists the near ones."""
        ...

    def keys(self) -> Iterator[str]:
        """All keys, found in one pass."""
        ...

    def __len__(self) -> int:
        """How many keys there are."""
        ...

    def __contains__(self, key: object) -> bool:
        """Whether there is a value under a key."""
        ...
