"""Any loader's output as blocks of records, and records by index over what has them."""

from __future__ import annotations

from headrace.sources.arrays import ArrayRecords
from headrace.sources.blocks import Intake
from headrace.sources.drawing import read_on
from headrace.sources.files import FileRecords, from_path
from headrace.sources.iterable import IterableSource
from headrace.sources.opening import Opened, opened
from headrace.sources.sequence import Indexable, SequenceRecords

__all__ = [
    "ArrayRecords",
    "FileRecords",
    "Indexable",
    "Intake",
    "IterableSource",
    "Opened",
    "SequenceRecords",
    "from_path",
    "opened",
    "read_on",
]
