"""The file in which failures are listed, a line of JSON each."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

# Any, in this file: lines of JSON.
# What tells one failure from another; what a resume meets again is not listed again.
# Another seed brings another index to the same place.
KEY = ("data", "epoch", "rank", "at", "index", "on_error")


class Quarantine:
    """Appends lines, each whole: runs that share the file do not disturb each other."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listed: set[tuple[str, ...]] | None = None

    def add(self, line: dict[str, Any]) -> None:
        """Lists a failure, unless it is listed."""
        if self._listed is None:
            self._listed = self._read()
        key = _key(line)
        if key in self._listed:
            return
        text = json.dumps(line, ensure_ascii=False) + "\n"
        self._append(text.encode("utf-8", "backslashreplace"))
        self._listed.add(key)

    def _append(self, line: bytes) -> None:
        where = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            # One write is whole among those of other processes. A disk that is nearly full takes
            # a part of it; the next write then says so.
            while line:
                line = line[os.write(where, line) :]
        finally:
            os.close(where)

    def _read(self) -> set[tuple[str, ...]]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # A device or a pipe, which lists nothing, may never end.
        if not self._path.is_file():
            return set()
        text = self._path.read_text(encoding="utf-8", errors="replace")
        if text and not text.endswith("\n"):
            # A run that was killed in mid-line: the next line must not be glued to it.
            with self._path.open("a", encoding="utf-8") as file:
                file.write("\n")
        return {_key(line) for line in map(_parsed, text.split("\n")) if line is not None}


def _key(line: dict[str, Any]) -> tuple[str, ...]:
    return tuple(json.dumps(line.get(name)) for name in KEY)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None
