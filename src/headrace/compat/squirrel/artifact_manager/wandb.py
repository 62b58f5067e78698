"""An artifact manager of Squirrel's, which is not carried."""

from __future__ import annotations

from typing import Any

from headrace.compat.squirrel.not_carried import not_carried


class WandbArtifactManager:
    """Not carried: versions are those of a headrace Storage.

    Raises:
        ArgumentError: always.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: as the original
        raise not_carried(
            "WandbArtifactManager",
            "Keep versions in a storage, where they cannot change: "
            "hr.Storage(url).submit(records, dataset, version).",
        )
