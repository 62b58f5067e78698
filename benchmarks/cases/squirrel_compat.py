"""Squirrel itself, in the works of its document."""

from __future__ import annotations

from squirrel.iterstream import IterableSource

from benchmarks.iterstream import cases

CASES = cases("Squirrel", IterableSource)
