"""Records in files: one file here a format, and the dispatch by name."""

from __future__ import annotations

from headrace.sources.files.csv import csv_source
from headrace.sources.files.csv_types import ColumnType
from headrace.sources.files.faults import OnError
from headrace.sources.files.folder import FileRecords
from headrace.sources.files.images import image_folder_source
from headrace.sources.files.jsonl import jsonl_source
from headrace.sources.files.numpy import numpy_source
from headrace.sources.files.open import from_path
from headrace.sources.files.paths import Paths
from headrace.sources.files.sounds import audio_folder_source
from headrace.sources.files.tar import tar_source
from headrace.sources.files.text import text_source

__all__ = [
    "ColumnType",
    "FileRecords",
    "OnError",
    "Paths",
    "audio_folder_source",
    "csv_source",
    "from_path",
    "image_folder_source",
    "jsonl_source",
    "numpy_source",
    "tar_source",
    "text_source",
]
