"""Ranges of the bytes of a blob: what is asked for together, and what is cut out again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headrace.contracts.blobs import Mapped
from headrace.contracts.errors import ArgumentError, IntegrityError

# Bytes that nobody wants cost less than another request, up to here.
MOST_GAP_BYTES = 2**20


def checked_ranges(starts: Sequence[int], ends: Sequence[int]) -> None:
    """Makes sure that these are ranges.

    Raises:
        ArgumentError: one ends before it begins, begins before the blob, or has no end.
    """
    if len(starts) == len(ends) and all(0 <= at <= to for at, to in zip(starts, ends, strict=True)):
        return
    raise ArgumentError(
        f"ranges need as many ends as starts, each end at or behind its start, got {starts!r:.80} "
        f"and {ends!r:.80}. Give the first byte of each and the one behind its last."
    )


def cut(blob: Mapped, starts: Sequence[int], ends: Sequence[int], *, where: str) -> list[Mapped]:
    """The ranges of a blob that is here as a whole."""
    checked_ranges(starts, ends)
    if ends and max(ends) > len(blob):
        raise cut_short(where)
    return [blob[start:end] for start, end in zip(starts, ends, strict=True)]


def cut_short(where: str) -> IntegrityError:
    """The error of ranges that are not there."""
    return IntegrityError(
        f"{where} ends before the bytes that were to be read. It was cut short or overwritten: "
        "run verify, and submit the version again."
    )


def spans(size_bytes: int, piece_bytes: int) -> Iterator[tuple[int, int]]:
    """Where the pieces of so many bytes begin and end."""
    for start in range(0, size_bytes, piece_bytes):
        yield start, min(start + piece_bytes, size_bytes)
