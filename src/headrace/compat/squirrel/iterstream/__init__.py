"""Squirrel's IterStream: `Composable` over `headrace.Stream`."""

from __future__ import annotations

from headrace.compat.squirrel.iterstream.base import Composable
from headrace.compat.squirrel.iterstream.metrics import MetricsConf
from headrace.compat.squirrel.iterstream.multiplexer import Multiplexer, MultiplexingStrategy
from headrace.compat.squirrel.iterstream.source import (
    FilePathGenerator,
    IterableSamplerSource,
    IterableSource,
)

__all__ = [
    "Composable",
    "FilePathGenerator",
    "IterableSamplerSource",
    "IterableSource",
    "MetricsConf",
    "Multiplexer",
    "MultiplexingStrategy",
]
