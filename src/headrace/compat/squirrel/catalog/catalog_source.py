"""A source in its catalog: its name, its version, and the driver that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from headrace.compat.squirrel.catalog.source import CatalogKey, Source, parts_of, shown
from headrace.compat.squirrel.framework.plugins.plugin_manager import driver_named
from headrace.contracts.errors import NotFound

if TYPE_CHECKING:
    from headrace.compat.squirrel.catalog.catalog import Catalog

# Any, in this file: arguments of drivers are the user's, and so may be the driver.


class CatalogSource(Source):
    """A version of a source of a catalog: what `catalog["people"]` gives.

    By a number it gives, sets and deletes the other versions; -1 is the latest.
    """

    _key: CatalogKey
    _catalog: Catalog

    def __init__(self, source: Source, identifier: str, catalog: Catalog, version: int = 1) -> None:
        super().__init__(source.driver_name, source.driver_kwargs, source.metadata)
        # A source is frozen, and so is its place.
        object.__setattr__(self, "_key", CatalogKey(identifier, version))
        object.__setattr__(self, "_catalog", catalog)

    @property
    def identifier(self) -> str:
        """Its name in the catalog."""
        return self._key.identifier

    @property
    def version(self) -> int:
        """Which version this is."""
        return self._key.version

    @property
    def versions(self) -> dict[int, CatalogSource]:
        """All versions there are now."""
        numbers = self._catalog.versions_of(self.identifier)
        return {number: self[number] for number in numbers}

    def get_driver(self, **kwargs: Any) -> Any:
        """A driver for this source; `kwargs` come before the arguments that it has.

        The two `storage_options` are merged.

        Raises:
            ArgumentError: no driver has the name; a ValueError that lists the near ones.
        """
        driver = driver_named(self.driver_name)
        options = "storage_options"
        given = {**self.driver_kwargs, **kwargs}
        if merged := {**(self.driver_kwargs.get(options) or {}), **(kwargs.get(options) or {})}:
            given[options] = merged
        return driver(catalog=self._catalog, **given)

    def __getitem__(self, version: int) -> CatalogSource:
        return self._catalog[self.identifier, version]

    def __setitem__(self, version: int, source: Source) -> None:
        self._catalog[self.identifier, version] = source

    def __delitem__(self, version: int) -> None:
        del self._catalog[self.identifier, version]

    def __contains__(self, version: object) -> bool:
        return (self.identifier, version) in self._catalog

    def __iter__(self) -> Iterator[CatalogSource]:
        return iter(self.versions.values())

    def __len__(self) -> int:
        return len(self._catalog.versions_of(self.identifier))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CatalogSource):
            return NotImplemented
        return self._key == other._key and parts_of(self) == parts_of(other)

    __hash__ = None  # type: ignore[assignment]  # its arguments are dicts

    def __repr__(self) -> str:
        return shown({**parts_of(self), **self._key._asdict(), "versions": list(self.versions)})


class Vacant:
    """What `catalog[name]` gives where there is no such source yet.

    `catalog["people"][2] = source` begins with a version. Whatever else is asked of it is asked
    of a source that is not there.

    Raises:
        NotFound: by all else; lists the near names.
    """

    def __init__(self, identifier: str, catalog: Catalog) -> None:
        self._identifier = identifier
        self._catalog = catalog

    def __setitem__(self, version: int, source: Source) -> None:
        self._catalog[self._identifier, version] = source

    def __contains__(self, version: object) -> bool:
        return False

    def __getattr__(self, name: str) -> NoReturn:
        # Copying and showing ask for names of this kind, and take an AttributeError for no.
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._missing()

    def __getitem__(self, version: int) -> NoReturn:
        raise self._missing()

    def __iter__(self) -> NoReturn:
        raise self._missing()

    def __len__(self) -> NoReturn:
        raise self._missing()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return str(self._missing())

    def _missing(self) -> NotFound:
        return self._catalog.missing(self._identifier)
