"""Drivers and sources by name."""

from __future__ import annotations

from headrace.compat.squirrel.framework.plugins.plugin_manager import (
    list_driver_names,
    register_driver,
    register_source,
)

__all__ = ["list_driver_names", "register_driver", "register_source"]
