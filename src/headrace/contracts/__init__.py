"""Protocols and values only: what everything else of headrace is written against."""

from __future__ import annotations

from headrace.contracts.backend import Backend, Future, Workers
from headrace.contracts.blobs import Blobs, BlobStat, Bytes, Mapped
from headrace.contracts.block import Block, Column, Columns, Layout, RowKind, join_blocks, rows
from headrace.contracts.collate import columns_of, pad, stack, unstack
from headrace.contracts.image import EncodedImage
from headrace.contracts.memo import with_memo
from headrace.contracts.node import (
    Cursor,
    Mark,
    Marks,
    Node,
    Run,
    State,
    first_epoch_of,
    iterate,
    marker,
    read_fully,
)
from headrace.contracts.order import Indices, Order
from headrace.contracts.records import Records, identity_of, read_ahead_of
from headrace.contracts.source import Drawn, Source
from headrace.contracts.stage import (
    Begins,
    Consumes,
    Groups,
    Kernel,
    Place,
    Pointwise,
    Reorders,
    Stage,
    Visit,
    Visited,
    Windows,
    bare_visit,
)
from headrace.contracts.tree import Record, Tree, flatten, paths, structure_of

__all__ = [
    "Backend",
    "Begins",
    "BlobStat",
    "Blobs",
    "Block",
    "Bytes",
    "Column",
    "Columns",
    "Consumes",
    "Cursor",
    "Drawn",
    "EncodedImage",
    "Future",
    "Groups",
    "Indices",
    "Kernel",
    "Layout",
    "Mapped",
    "Mark",
    "Marks",
    "Node",
    "Order",
    "Place",
    "Pointwise",
    "Record",
    "Records",
    "Reorders",
    "RowKind",
    "Run",
    "Source",
    "Stage",
    "State",
    "Tree",
    "Visit",
    "Visited",
    "Windows",
    "Workers",
    "bare_visit",
    "columns_of",
    "first_epoch_of",
    "flatten",
    "identity_of",
    "iterate",
    "join_blocks",
    "marker",
    "pad",
    "paths",
    "read_ahead_of",
    "read_fully",
    "rows",
    "stack",
    "structure_of",
    "unstack",
    "with_memo",
]
