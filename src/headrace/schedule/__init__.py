"""The one scheduler: a bounded window of tasks on a backend's workers, in order."""

from __future__ import annotations

from headrace.schedule.schedule import Schedule

__all__ = [
    "Schedule",
]
