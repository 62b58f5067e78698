"""A store in this process's memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from headrace.contracts.errors import StorageError
from headrace.stores.keys import checked_key, new_key, no_key

# Any, in this file: values are the user's, of every type.


class MemoryStore:
    """Values by key, gone with the process; threads may share it.

    Values are kept as they are, of any type and not copied. `keys` come in the order in which
    they were first set. `storage.store(name)` keeps values longer.

    Raises:
        InvalidName: by `set`, a key that is no path of plain names.
        NotFound: by `get`, there is no such key; lists the near ones.

    Example:
        >>> import headrace as hr
        >>> store = hr.MemoryStore()
        >>> hr.stream([{"id": 3}, {"id": 5}]).sink(store, key=lambda record: f"id_{record['id']}")
        2
        >>> list(store.keys())
        ['id_3', 'id_5']
        >>> hr.stream(store.keys).map(store.get).collect()
        [{'id': 3}, {'id': 5}]
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def set(self, value: Any, key: str | None = None) -> str:
        """Keeps a value under `key`, or under one that is made; gives the key."""
        named = new_key() if key is None else checked_key(key)
        self._values[named] = value
        return named

    def get(self, key: str) -> Any:
        """The value under a key."""
        try:
            return self._values[checked_key(key)]
        except KeyError:
            raise no_key(key, self.keys(), place=repr(self)) from None

    def keys(self) -> Iterator[str]:
        """The keys there are now."""
        # A list is copied in one step: other threads may set meanwhile.
        return iter(list(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __repr__(self) -> str:
        return f"MemoryStore({len(self)} keys)"

    def __reduce__(self) -> NoReturn:
        raise StorageError(
            f"cannot send {self!r} to another process: it lives in one, and what is set in a copy "
            "would be lost. Use storage.store(name) of a Storage at a path, or stay in this "
            "process with Inline or Threads."
        )
