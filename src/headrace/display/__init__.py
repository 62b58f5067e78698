"""Looking at data: lines, tables and pictures on a terminal, statistics, and a page of HTML."""

from __future__ import annotations

from headrace.display.labels import ValueCount
from headrace.display.numbers import Histogram, NumberStatistics
from headrace.display.statistics import (
    FieldStatistics,
    LengthStatistics,
    field_statistics,
)
from headrace.display.table import record_table
from headrace.display.text import leaf_text
from headrace.display.webpage import page

__all__ = [
    "FieldStatistics",
    "Histogram",
    "LengthStatistics",
    "NumberStatistics",
    "ValueCount",
    "field_statistics",
    "leaf_text",
    "page",
    "record_table",
]
