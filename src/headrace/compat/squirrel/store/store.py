"""What a store of Squirrel's is; headrace's own contract is `headrace.contracts.Store`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

# Any, in this file: values are the user's, and the options of each store its own.


class AbstractStore(ABC):
    """Values by key, for stores of one's own.

    The parameters of `set` stand as in the stores that come with Squirrel: the value first.
    """

    @abstractmethod
    def set(self, value: Any, key: Any = None, **kwargs: Any) -> Any:
        """Keeps a value under a key."""

    @abstractmethod
    def get(self, key: Any, **kwargs: Any) -> Any:
        """The value, or an iterable of the records, under a key."""

    @abstractmethod
    def keys(self, **kwargs: Any) -> Iterable[Any]:
        """All keys."""
