"""What drivers are; their streams are chains of headrace's Stream, by way of IterableSource."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from headrace.compat.squirrel.catalog import Catalog
from headrace.compat.squirrel.iterstream import Composable, IterableSource
from headrace.contracts.errors import ArgumentError

# Any, in this file: records and keys are the user's, and options those of each driver.

Options = Mapping[str, Any]


class Driver(ABC):
    """What reads a source of a catalog; `name` is what a `Source` calls it by.

    The hierarchy of the drivers is Squirrel's: users subclass it.
    """

    name: str

    def __init__(self, catalog: Catalog | None = None, **kwargs: Any) -> None:
        self._catalog = Catalog() if catalog is None else catalog


class IterDriver(Driver):
    """A driver whose records can be visited in order."""

    @abstractmethod
    def get_iter(self, *args: Any, **kwargs: Any) -> Composable:
        """The records, as a chain."""


class MapDriver(IterDriver):
    """A driver whose records, or lists of them, are found by key."""

    @abstractmethod
    def get(self, *args: Any, **kwargs: Any) -> Any:
        """The value, or an iterable of the records, under the key that comes first."""

    @abstractmethod
    def keys(self, *args: Any, **kwargs: Any) -> Iterable[Any]:
        """All keys."""

    def get_iter(  # noqa: PLR0913 - as the original
        self,
        keys_iterable: Iterable[Any] | None = None,
        shuffle_key_buffer: int = 1,
        key_hooks: Iterable[Any] | None = None,
        max_workers: int | None = None,
        prefetch_buffer: int = 10,
        shuffle_item_buffer: int = 1,
        flatten: bool = False,
        keys_kwargs: Options | None = None,
        get_kwargs: Options | None = None,
        key_shuffle_kwargs: Options | None = None,
        item_shuffle_kwargs: Options | None = None,
    ) -> Composable:
        """The values of the keys, in a chain: shuffled keys, hooks, `get`, flattened, shuffled.

        `get` runs in `max_workers` threads (None: as many as `async_map` takes; 0 and 1: in the
        reader's), `prefetch_buffer` values ahead at most. A hook is a class of Composables, a
        function of an iterator, or a partial of either. With `flatten` a value that is an iterator
        is drawn in the thread of its `get`.

        Raises:
            ArgumentError: a hook is none of these.
        """
        keys = partial(self.keys, **(keys_kwargs or {})) if keys_iterable is None else keys_iterable
        source = IterableSource(keys)
        chain = source.shuffle(size=shuffle_key_buffer, **(key_shuffle_kwargs or {}))
        for hook in key_hooks or ():
            chain = _hooked(chain, hook)
        fetch = _Fetch(self.get, dict(get_kwargs or {}), is_drawn=flatten)
        if max_workers is not None and max_workers <= 1:
            chain = chain.map(fetch)
        else:
            chain = chain.async_map(fetch, prefetch_buffer, max_workers)
        chain = chain.flatten() if flatten else chain
        return chain.shuffle(size=shuffle_item_buffer, **(item_shuffle_kwargs or {}))


@dataclass(frozen=True)
class _Fetch:
    """Gets the value of a key; that of a generator is made here, by the worker that was asked."""

    get: Callable[..., Any]
    options: Options = field(hash=False)
    is_drawn: bool

    def __call__(self, key: Any) -> Any:
        found = self.get(key, **self.options)
        return list(found) if self.is_drawn and isinstance(found, Iterator) else found


def _hooked(chain: Composable, hook: Any) -> Composable:
    if not callable(hook):
        raise ArgumentError(
            f"a hook of keys must be a class of Composables, a function or a partial of one, got "
            f"{hook!r}. Pass a function that takes an iterator of keys and gives one."
        )
    part: partial[Any] = hook if isinstance(hook, partial) else partial(hook)
    if isinstance(part.func, type) and issubclass(part.func, Composable):
        return chain.compose(part.func, *part.args, **part.keywords)
    return chain.to(part)
