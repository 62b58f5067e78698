"""Which driver a name stands for, and the sources of `Catalog.from_plugins`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.contracts.errors import ArgumentError, near

if TYPE_CHECKING:
    from headrace.compat.squirrel.catalog.source import Source

# Any, in this file: a driver is any class with a name that a catalog can make.

# Imported when they are asked for: they stand above the catalogs that ask.
PACKAGE = "headrace.compat.squirrel.driver"
BUILT_IN = {
    "csv": "CsvDriver",
    "excel": "ExcelDriver",
    "feather": "FeatherDriver",
    "file": "FileDriver",
    "jsonl": "JsonlDriver",
    "messagepack": "MessagepackDriver",
    "parquet": "ParquetDriver",
    "source_combiner": "SourceCombiner",
    "store_driver": "StoreDriver",
    "zarr": "ZarrDriver",
}


@dataclass(frozen=True)
class Registry:
    """What was registered."""

    drivers: dict[str, Any] = field(default_factory=dict)
    sources: dict[tuple[str, int], Source] = field(default_factory=dict)


# A registration is of the process, as Squirrel's is: catalogs from files know drivers by name.
_REGISTRY = Registry()


def register_driver(driver: type[Any]) -> None:
    """Makes a driver known by its `name`, in the place of one that has it already.

    Raises:
        ArgumentError: it has no name.
    """
    name = getattr(driver, "name", None)
    if not isinstance(name, str) or not name:
        raise ArgumentError(
            f"a driver with a name was expected, got {driver!r} with the name {name!r}. Write "
            'name = "my_driver" in its class.'
        )
    _REGISTRY.drivers[name] = driver


def register_source(identifier: str, source: Source, version: int = 1) -> None:
    """Makes a source known to `Catalog.from_plugins`."""
    _REGISTRY.sources[identifier, version] = source


def list_driver_names() -> list[str]:
    """The names of all drivers that are known, sorted."""
    return sorted({*BUILT_IN, *_REGISTRY.drivers})


def driver_named(name: str) -> Any:
    """The driver of a name.

    Raises:
        ArgumentError: there is none; a ValueError that lists the near names.
    """
    if name in _REGISTRY.drivers:
        return _REGISTRY.drivers[name]
    if name in BUILT_IN:
        return getattr(importlib.import_module(PACKAGE), BUILT_IN[name])
    raise ArgumentError(f"driver {name!r} not found. {near(name, list_driver_names())}")


def registered_sources() -> dict[tuple[str, int], Source]:
    """What `register_source` was given."""
    return dict(_REGISTRY.sources)
