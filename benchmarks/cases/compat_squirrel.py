"""headrace under Squirrel's names, in the works of Squirrel's document."""

from __future__ import annotations

from benchmarks.iterstream import cases
from headrace.compat.squirrel.iterstream import IterableSource

CASES = cases("headrace", IterableSource)
