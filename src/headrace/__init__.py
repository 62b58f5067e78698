"""headrace: the data layer that feeds model training.

Storage  --fetch-->  DataRef  --stream-->  Stream  --DataLoader-->  batches
"""

from __future__ import annotations

from headrace import adapters
from headrace.backends import Inline, Threads
from headrace.contracts import Columns, errors
from headrace.dataref import DataRef, concat
from headrace.loader import DataLoader
from headrace.orders import order
from headrace.storage import Storage
from headrace.stream import Stream, from_files, stream

__version__ = "0.1.0"

__all__ = [
    "Columns",
    "DataLoader",
    "DataRef",
    "Inline",
    "Storage",
    "Stream",
    "Threads",
    "adapters",
    "concat",
    "errors",
    "from_files",
    "order",
    "stream",
]
