"""The driver of several sources of a catalog under names of their own."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

from headrace.compat.squirrel.catalog import Catalog, CatalogKey, CatalogSource
from headrace.compat.squirrel.driver.driver import MapDriver
from headrace.compat.squirrel.iterstream import Composable, IterableSamplerSource, IterableSource
from headrace.contracts.errors import NotFound, near

# Any, in this file: records are the user's, and options those of each driver.


class SourceCombiner(MapDriver):
    """Reads the sources that `subsets` names, each by a driver of its own.

    Raises:
        NotFound: by each method, there is no such subset, or no such source in the catalog.
    """

    name = "source_combiner"

    def __init__(
        self, subsets: Mapping[str, CatalogKey | tuple[str, int]], catalog: Catalog, **kwargs: Any
    ) -> None:
        super().__init__(catalog=catalog, **kwargs)
        self._subsets = dict(subsets)

    @property
    def subsets(self) -> list[str]:
        """The names."""
        return list(self._subsets)

    def get_source(self, subset: str) -> CatalogSource:
        """The source behind a name."""
        if subset not in self._subsets:
            raise NotFound(f"there is no subset {subset!r}. {near(subset, self._subsets)}")
        name, version = self._subsets[subset]
        return self._catalog[name, version]

    def get_iter(self, subset: str | None = None, **kwargs: Any) -> Composable:  # type: ignore[override]  # as the original
        """The records of a subset; without one those of all, in turns until all have ended."""
        if subset is not None:
            chain: Composable = self._driver(subset).get_iter(**kwargs)
            return chain
        streams = [IterableSource(chain).as_stream() for chain in self._chains(kwargs)]
        return IterableSource(streams[0].interleave(*streams[1:], stop="all") if streams else ())

    def get(self, subset: str, key: Any, **kwargs: Any) -> Any:
        """What a subset has under a key."""
        return self._driver(subset).get(key, **kwargs)

    def keys(self, subset: str, **kwargs: Any) -> Iterable[Any]:
        """The keys of a subset."""
        found: Iterable[Any] = self._driver(subset).keys(**kwargs)
        return found

    def get_df(self, subset: str, **kwargs: Any) -> Any:
        """The data frame of a subset."""
        return self._driver(subset).get_df(**kwargs)

    def get_store(self, subset: str) -> Any:
        """The store of a subset."""
        return self._driver(subset).store

    def get_iter_sampler(
        self,
        probs: list[float] | None = None,
        rng: random.Random | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> Composable:
        """The records of all subsets, drawn by chance; see `IterableSamplerSource`."""
        return IterableSamplerSource(self._chains(kwargs), probs=probs, rng=rng, seed=seed)

    def _chains(self, kwargs: dict[str, Any]) -> list[Composable]:
        return [self.get_iter(subset, **kwargs) for subset in self._subsets]

    def _driver(self, subset: str) -> Any:
        return self.get_source(subset).get_driver()
