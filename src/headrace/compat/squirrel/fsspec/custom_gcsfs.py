"""Squirrel's patch of gcsfs, which is not carried."""

from __future__ import annotations

from typing import Any

from headrace.compat.squirrel.not_carried import not_carried


class CustomGCSFileSystem:
    """Not carried: headrace reads gs:// itself, and asks a busy store again.

    Raises:
        ArgumentError: always.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: as the original
        raise not_carried(
            "CustomGCSFileSystem",
            "Give the gs:// address to a store, driver or hr.Storage: busy answers are retried, "
            "and credentials go into storage_options.",
        )
