"""Named, versioned, immutable datasets: all of a version is there, or nothing."""

from __future__ import annotations

from headrace.storage.diff import VersionDiff
from headrace.storage.log import UnreadVersion, VersionLog, VersionReport
from headrace.storage.storage import Storage
from headrace.storage.upkeep import PruneReport, VerifyReport

__all__ = [
    "PruneReport",
    "Storage",
    "UnreadVersion",
    "VerifyReport",
    "VersionDiff",
    "VersionLog",
    "VersionReport",
]
