"""Any loader's output as blocks of records, and records by index over what has them."""

from __future__ import annotations

from headrace.sources.arrays import ArrayRecords
from headrace.sources.blocks import blocks_of, length_hint, records_of
from headrace.sources.files import FileRecords
from headrace.sources.iterable import IterableSource
from headrace.sources.sequence import Indexable, SequenceRecords

__all__ = [
    "ArrayRecords",
    "FileRecords",
    "Indexable",
    "IterableSource",
    "SequenceRecords",
    "blocks_of",
    "length_hint",
    "records_of",
]
