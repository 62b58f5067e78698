"""The catalog: a mapping from names to sources, of which each may have several versions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, KeysView, Mapping
from copy import deepcopy
from typing import cast

from headrace.compat.squirrel.catalog.catalog_source import CatalogSource, Vacant
from headrace.compat.squirrel.catalog.source import CatalogKey, Source
from headrace.compat.squirrel.catalog.yaml import dumped, loaded
from headrace.compat.squirrel.framework.plugins.plugin_manager import registered_sources
from headrace.compat.squirrel.fsspec.fs import get_fs_from_url
from headrace.contracts.errors import ArgumentError, NotFound, near

Key = str | tuple[str, int]
Sources = Mapping[CatalogKey, Source]
LATEST = -1


class Catalog:
    """Sources by name and version; by a name alone, the latest version.

    Iterating gives pairs of a name and its latest source, as in Squirrel; `keys`, `values`,
    `items`, `get`, `in` and `dict(catalog)` are those of any mapping. Sources that a method
    takes over are copies.

    Raises:
        NotFound: a source that is not there is used; a KeyError that lists the near names.
        ArgumentError: a version below 1.

    Example:
        >>> catalog = Catalog()
        >>> catalog["people"] = Source("csv", {"url": "people.csv"})
        >>> catalog["people"] = Source("csv", {"url": "people-2.csv"})
        >>> catalog["people"].version, catalog["people", 1].driver_kwargs
        (2, {'url': 'people.csv'})
    """

    def __init__(self) -> None:
        self._sources: dict[str, dict[int, Source]] = {}

    def __getitem__(self, key: Key) -> CatalogSource:
        identifier, version = _split(key)
        if identifier not in self._sources and isinstance(key, str):
            # What is asked of it is told then: a first version may be set by its number.
            return cast(CatalogSource, Vacant(identifier, self))
        versions = self.versions_of(identifier)
        number = max(versions) if version == LATEST else version
        if number not in versions:
            raise NotFound(
                f"the source {identifier!r} has no version {version}. It has "
                f"{', '.join(map(str, versions))}; -1 is the latest."
            )
        return CatalogSource(versions[number], identifier, self, number)

    def __setitem__(self, key: Key, source: Source) -> None:
        identifier, version = _split(key)
        versions = self._sources.get(identifier, {})
        if isinstance(key, str):
            version = max(versions, default=0) + 1
        if isinstance(version, bool) or version < 1:
            raise ArgumentError(
                f"a version must be a whole number of at least 1, got {version!r} for "
                f"{identifier!r}. Leave it out for the next one: catalog[{identifier!r}] = source."
            )
        plain = Source(source.driver_name, source.driver_kwargs, source.metadata)
        self._sources.setdefault(identifier, {})[version] = plain

    def __delitem__(self, key: Key) -> None:
        if isinstance(key, str):
            self.versions_of(key)
            del self._sources[key]
            return
        found = self[key]
        del self._sources[found.identifier][found.version]
        if not self._sources[found.identifier]:
            del self._sources[found.identifier]

    def __contains__(self, key: object) -> bool:
        if isinstance(key, str):
            return key in self._sources
        if not isinstance(key, tuple) or len(key) != 2:
            return False
        versions = self._sources.get(key[0], {})
        return key[1] in versions or (key[1] == LATEST and bool(versions))

    def __iter__(self) -> Iterator[tuple[str, CatalogSource]]:
        return iter(self.items())

    def __len__(self) -> int:
        return len(self._sources)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Catalog):
            return NotImplemented
        return self._sources == other._sources

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return str(sorted(self._sources, key=str.lower))

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._sources.keys()

    def values(self) -> list[CatalogSource]:
        """The latest version of each source."""
        return [self[identifier] for identifier in self._sources]

    def items(self) -> list[tuple[str, CatalogSource]]:
        """Pairs of a name and the latest version."""
        return [(identifier, self[identifier]) for identifier in self._sources]

    def get(self, key: Key, default: CatalogSource | None = None) -> CatalogSource | None:
        """The source, or `default` where there is none."""
        if key not in self:
            return default
        return self[key]

    @property
    def sources(self) -> dict[str, CatalogSource]:
        """The latest version of each source, by name."""
        return dict(self.items())

    def versions_of(self, identifier: str) -> Mapping[int, Source]:
        """The versions of a source. Raises NotFound."""
        if identifier not in self._sources:
            raise self.missing(identifier)
        return self._sources[identifier]

    def missing(self, identifier: str) -> NotFound:
        """The error of a name without a source."""
        return NotFound(
            f"the catalog has no source {identifier!r}. {near(identifier, self._sources)}"
        )

    def copy(self) -> Catalog:
        """A copy, down to the arguments of the drivers."""
        return _catalog(self._flat())

    def slice(self, keys: Iterable[str]) -> Catalog:
        """A copy of some of the sources, with all their versions."""
        return _catalog(
            {
                CatalogKey(name, number): source
                for name in keys
                for number, source in self.versions_of(name).items()
            }
        )

    def filter(self, predicate: Callable[[CatalogSource], bool]) -> Catalog:
        """A copy of the versions for which `predicate` is true."""
        return _catalog({key: at for key, at in self._flat().items() if predicate(self[key])})

    def union(self, other: Catalog) -> Catalog:
        """The versions of both; where both have one, the other's."""
        return _catalog({**self._flat(), **other._flat()})

    def join(self, other: Catalog) -> Catalog:
        """The versions of both, which have none in common. Raises ArgumentError."""
        return _catalog(_joined(self._flat(), other._flat()))

    def difference(self, other: Catalog) -> Catalog:
        """The versions that only one of both has."""
        common = self._flat().keys() & other._flat().keys()
        either = {**self._flat(), **other._flat()}
        return _catalog({key: source for key, source in either.items() if key not in common})

    def intersection(self, other: Catalog) -> Catalog:
        """The versions that both have. Raises ArgumentError where they differ."""
        theirs = other._flat()
        common = {key: source for key, source in self._flat().items() if key in theirs}
        for key, source in common.items():
            if source != theirs[key]:
                raise ArgumentError(
                    f"two catalogs were to have their common sources found, and {tuple(key)} "
                    "differs in them. Give one of the two another version."
                )
        return _catalog(common)

    def to_file(self, path: str) -> None:
        """Writes YAML, which Squirrel reads too, to a path or address; it appears whole.

        Raises:
            MissingExtra: PyYAML is not installed.
            ArgumentError: a source has what YAML cannot hold.
        """
        text = dumped(self._flat())
        with get_fs_from_url(path).open(path, "w") as file:
            file.write(text)

    @staticmethod
    def from_str(cat: str) -> Catalog:
        """The catalog that a text of YAML holds.

        Raises:
            MissingExtra: PyYAML is not installed.
            ArgumentError: it is no catalog.
        """
        return _catalog(loaded(cat))

    @staticmethod
    def from_files(paths: Iterable[str]) -> Catalog:
        """The catalog of all files together; raises as `from_str` and `join`."""
        found: Sources = {}
        for path in paths:
            with get_fs_from_url(path).open(path, "r") as file:
                found = _joined(found, loaded(file.read()))
        return _catalog(found)

    @staticmethod
    def from_dirs(paths: Iterable[str]) -> Catalog:
        """The catalog of the .yaml files right under folders; raises as `from_files`."""
        found = (file for path in paths for file in get_fs_from_url(path).ls(path))
        return Catalog.from_files(file for file in found if file.endswith(".yaml"))

    @staticmethod
    def from_plugins() -> Catalog:
        """The catalog of what `register_source` was given."""
        return _catalog({CatalogKey(*key): at for key, at in registered_sources().items()})

    def _flat(self) -> dict[CatalogKey, Source]:
        return {
            CatalogKey(name, number): source
            for name, versions in self._sources.items()
            for number, source in versions.items()
        }


def _catalog(sources: Sources) -> Catalog:
    catalog = Catalog()
    for key, source in sources.items():
        catalog[key] = deepcopy(source)
    return catalog


def _joined(sources: Sources, others: Sources) -> Sources:
    if both := sources.keys() & others.keys():
        raise ArgumentError(
            f"catalogs without a common source were to be joined, and both have "
            f"{tuple(min(both))}. Take union(), in which the other's wins."
        )
    return {**sources, **others}


def _split(key: Key) -> tuple[str, int]:
    return (key, LATEST) if isinstance(key, str) else key
