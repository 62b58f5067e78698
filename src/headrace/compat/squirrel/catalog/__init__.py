"""Catalogs: names and versions of sources, and the drivers that read them."""

from __future__ import annotations

from headrace.compat.squirrel.catalog.catalog import Catalog
from headrace.compat.squirrel.catalog.catalog_source import CatalogSource
from headrace.compat.squirrel.catalog.source import CatalogKey, Source

__all__ = ["Catalog", "CatalogKey", "CatalogSource", "Source"]
