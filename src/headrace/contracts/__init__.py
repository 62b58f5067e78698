"""Protocols and values only: what everything else of headrace is written against."""

from __future__ import annotations

from headrace.contracts.backend import Backend, Fixed, Future, Job, Resizable, Task, Workers
from headrace.contracts.blobs import Blobs, BlobStat, Bytes, Mapped
from headrace.contracts.block import Block, Column, Columns, Layout, RowKind, join_blocks, rows
from headrace.contracts.collate import columns_of, pad, stack, unstack
from headrace.contracts.failed import LEFT, Failed, Guard
from headrace.contracts.image import EncodedImage
from headrace.contracts.memo import with_memo
from headrace.contracts.node import (
    Cursor,
    LooksAhead,
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
    Softens,
    Stage,
    Visit,
    Visited,
    Windows,
    bare_visit,
    content_of,
    gives_any_order,
    look_ahead_of,
    replays,
)
from headrace.contracts.store import Store
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
    "Failed",
    "Fixed",
    "Future",
    "Groups",
    "Guard",
    "Indices",
    "Job",
    "Kernel",
    "LEFT",
    "Layout",
    "LooksAhead",
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
    "Resizable",
    "RowKind",
    "Run",
    "Softens",
    "Source",
    "Stage",
    "State",
    "Store",
    "Task",
    "Tree",
    "Visit",
    "Visited",
    "Windows",
    "Workers",
    "bare_visit",
    "columns_of",
    "content_of",
    "first_epoch_of",
    "flatten",
    "gives_any_order",
    "identity_of",
    "iterate",
    "join_blocks",
    "look_ahead_of",
    "marker",
    "pad",
    "paths",
    "read_ahead_of",
    "read_fully",
    "replays",
    "rows",
    "stack",
    "structure_of",
    "unstack",
    "with_memo",
]
