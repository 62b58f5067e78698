"""Squirrel's groups of Zarr, which are not carried."""

from __future__ import annotations

from typing import Any, NoReturn

from headrace.compat.squirrel.not_carried import not_carried


def get_group(*args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG001 - Any, as the original
    """Not carried.

    Raises:
        ArgumentError: always.
    """
    raise not_carried(
        "get_group",
        "Copy the arrays into a storage once, with the zarr package: storage.submit({name: "
        "group[name][:] for name in group}, dataset, version).",
    )
