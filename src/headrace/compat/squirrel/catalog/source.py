"""What a catalog holds: which driver reads a source, with which arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# Any, in this file: arguments of drivers and metadata are the user's.


@dataclass(frozen=True, repr=False)
class Source:
    """A source: the name of its driver, the driver's arguments, and what else is known of it.

    Example:
        >>> Source("csv", {"url": "people.csv"}).driver_kwargs
        {'url': 'people.csv'}
    """

    driver_name: str
    driver_kwargs: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return shown(parts_of(self))


class CatalogKey(NamedTuple):
    """Which source of a catalog is meant; version -1 is the latest."""

    identifier: str
    version: int = -1


def parts_of(source: Source) -> dict[str, Any]:
    """What a source is, by name."""
    return {
        "driver_name": source.driver_name,
        "driver_kwargs": source.driver_kwargs,
        "metadata": source.metadata,
    }


def shown(parts: Mapping[str, Any]) -> str:
    """What is printed of a source."""
    return json.dumps(parts, indent=2, default=str)
