"""Files by their names: which format a path, a folder or a pattern holds."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from headrace.contracts.errors import ArgumentError
from headrace.contracts.records import Records
from headrace.contracts.source import Drawn
from headrace.sources.files.csv import CSV_SUFFIXES, csv_source
from headrace.sources.files.faults import OnError, checked_policy
from headrace.sources.files.folder import FileRecords
from headrace.sources.files.jsonl import JSONL_SUFFIXES, jsonl_source
from headrace.sources.files.numpy import NUMPY_SUFFIXES, numpy_source
from headrace.sources.files.paths import files_under, matched, no_path
from headrace.sources.files.tar import tar_source
from headrace.sources.files.tar_members import TAR_SUFFIXES
from headrace.sources.files.text import TEXT_SUFFIXES, text_source
from headrace.sources.tables import ARROW_SUFFIXES, PARQUET_SUFFIXES, arrow_source, parquet_source

# Any, in this file: records of files hold values of every type.

Opened: TypeAlias = "Records[Any] | Drawn"
Opener: TypeAlias = "Callable[[tuple[Path, ...], OnError], Opened]"


def from_path(path: str | os.PathLike[str], *, on_error: OnError = "raise") -> Records[Any] | Drawn:
    """The records of the files at `path`: a file, a pattern or a folder, by what names end in.

    A folder whose files all have one format with many records a file is read as these; any
    other gives its files, as `FileRecords`. `on_error` is the policy for formats with rows or
    lines that may be wrong one by one: CSV, JSON Lines and text.

    Raises:
        ArgumentError: nothing is there, or names end in what no format has, or in several.
    """
    checked_policy(on_error)
    place = Path(path)
    if place.is_dir():
        return _folder(place, on_error)
    if not place.exists() and not glob.has_magic(os.fspath(path)):
        raise no_path(place)
    paths = matched(path, suffixes=())
    suffixes = sorted({_known(one) for one in paths})
    openers = {FORMATS[suffix] for suffix in suffixes}
    if len(openers) > 1:
        raise ArgumentError(
            f"files of one format were expected, and {str(path)!r} stands for files in "
            f'{", ".join(suffixes)}. Name those of one, by a pattern such as "data/*.csv".'
        )
    return openers.pop()(paths, on_error)


def _folder(folder: Path, on_error: OnError) -> Opened:
    """The records in the files of a folder where all are of one format; else the files."""
    files = tuple(files_under(folder))
    suffixes = {_suffix(path) for path in files}
    openers = {FORMATS[suffix] for suffix in suffixes & IN_FOLDERS}
    is_one = suffixes <= IN_FOLDERS and len(openers) == 1
    return openers.pop()(files, on_error) if is_one else FileRecords(folder)


def _csv(paths: tuple[Path, ...], on_error: OnError) -> Opened:
    return csv_source(paths, on_error=on_error)


def _jsonl(paths: tuple[Path, ...], on_error: OnError) -> Opened:
    return jsonl_source(paths, on_error=on_error)


def _text(paths: tuple[Path, ...], on_error: OnError) -> Opened:
    return text_source(paths, on_error=on_error)


def _numpy(paths: tuple[Path, ...], _on_error: OnError) -> Opened:
    first, *others = paths
    if others:
        raise ArgumentError(
            f"one array file was expected, got {len(paths)}, the first {str(first)!r}. "
            "Read them one by one, and join the streams with .concat."
        )
    return numpy_source(first)


def _tar(paths: tuple[Path, ...], _on_error: OnError) -> Opened:
    return tar_source(paths)


def _parquet(paths: tuple[Path, ...], _on_error: OnError) -> Opened:
    return parquet_source(paths)


def _arrow(paths: tuple[Path, ...], _on_error: OnError) -> Opened:
    return arrow_source(paths)


def _known(path: Path) -> str:
    if suffix := _suffix(path):
        return suffix
    close = difflib.get_close_matches("".join(path.suffixes[-2:]), FORMATS, n=1, cutoff=0.4)
    hint = f"Did you mean {close[0]}? " if close else ""
    raise ArgumentError(
        f"a file that ends in {', '.join(FORMATS)} was expected, got {path.name!r}. {hint}"
        "Rename it, or name its format: hr.from_text(path), hr.from_csv(path), ..."
    )


def _suffix(path: Path) -> str:
    """What the name ends in, of what is known; empty where that is nothing."""
    name = path.name.lower()
    return next((suffix for suffix in FORMATS if name.endswith(suffix)), "")


FORMATS: dict[str, Opener] = {
    **dict.fromkeys(CSV_SUFFIXES, _csv),
    **dict.fromkeys(JSONL_SUFFIXES, _jsonl),
    **dict.fromkeys(TEXT_SUFFIXES, _text),
    **dict.fromkeys(NUMPY_SUFFIXES, _numpy),
    **dict.fromkeys(TAR_SUFFIXES, _tar),
    **dict.fromkeys(PARQUET_SUFFIXES, _parquet),
    **dict.fromkeys(ARROW_SUFFIXES, _arrow),
}
# A folder of texts or arrays may as well hold a document, or a picture, in each file.
IN_FOLDERS = {
    *CSV_SUFFIXES,
    *JSONL_SUFFIXES,
    *TAR_SUFFIXES,
    *PARQUET_SUFFIXES,
    *ARROW_SUFFIXES,
}
