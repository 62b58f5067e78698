"""Texts that are on most machines: documentation and sources, whole and in passages."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

FOLDERS = (Path("/usr/share/doc"), Path(sysconfig.get_path("stdlib")))
SUFFIXES = (".rst", ".md", ".txt", ".py")
# At most one shard of text, so that it is compressed as a whole and record by record alike.
MOST_BYTES = 60 * 2**20
# A passage ends with the line that brings it to so many characters.
PASSAGE = 300


@lru_cache(maxsize=1)
def files(most_bytes: int) -> list[str]:
    """Whole files, up to so many bytes in all."""
    found: list[str] = []
    left = most_bytes
    for text in _texts():
        left -= len(text.encode())
        if left < 0:
            break
        found.append(text)
    return found


@lru_cache(maxsize=1)
def passages(most_bytes: int) -> list[str]:
    """The same in passages of a few lines."""
    return [passage for text in files(most_bytes) for passage in _passages(text)]


def _passages(text: str) -> Iterator[str]:
    passage = ""
    for line in text.splitlines(keepends=True):
        passage += line
        if len(passage) >= PASSAGE:
            yield passage
            passage = ""
    if passage:
        yield passage


def _texts() -> Iterator[str]:
    """Each text once: copies would make a dictionary look better than it is."""
    seen: set[str] = set()
    for folder in FOLDERS:
        for path in sorted(folder.rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                text = path.read_text(encoding="utf-8", errors="replace")
                if text and text not in seen:
                    seen.add(text)
                    yield text
