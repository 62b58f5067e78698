"""zstd frames, one for each value, with a dictionary trained on the values where it pays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.extras import imported

# Any, in this file: classes of an optional package.

Rows = Sequence[memoryview]

LEVELS = range(1, 23)
# Of text in records of 300 bytes, 9 gives 1% less than 3 and takes 5 times as long.
DEFAULT_LEVEL = 3
# Twice the size gives 2% on paragraphs of documentation.
MOST_DICTIONARY_BYTES = 64 * 2**10
LEAST_DICTIONARY_BYTES = 2**10
# zstd advises to train on about a hundred times the size of the dictionary.
TRAINING_SHARE = 100
# Below this many values there is nothing that they could have in common.
LEAST_ROWS = 16
# Only what a value begins with is likely to gain by a dictionary.
TRAINING_ROW_BYTES = 16 * 2**10
# What is not trained on and compressed both ways, to see whether the dictionary pays.
TRIAL_BYTES = 2**20
# One choice of zstd's parameters: trying all takes 5 times as long, and gives less than 0.1% more.
COVER = {"k": 200, "d": 8, "f": 20, "accel": 1}
# A dictionary is stored twice, as each Arrow schema is, and as base64.
STORED_SHARE = 2 * 4 / 3
# No frame holds more for each of its bytes: a block of 128 KiB takes four of them at least.
MOST_RATIO = 2**15


class BadFrame(Exception):
    """Bytes that are no frame of a value, or no dictionary; the argument says why."""


def zstandard() -> Any:
    """The package. Raises MissingExtra where it is not installed."""
    return imported("zstandard", extra="zstd")


def compressed(rows: Rows, *, level: int) -> tuple[list[bytes], bytes]:
    """A frame for each row, and the dictionary that they need, b"" for none.

    Nothing is stored of empty rows. Equal rows give equal bytes with one version of zstd.
    """
    dictionary = _paying_dictionary([row for row in rows if len(row)], level)
    return _frames(rows, level, dictionary), dictionary


class Decompressor:
    """Takes values out of their frames. Thread-safe.

    Raises:
        BadFrame: the dictionary is none.
        MissingExtra: zstandard is not installed.
    """

    def __init__(self, dictionary: bytes, *, most_bytes: int) -> None:
        self._package = zstandard()
        self._size_of = self._package.frame_content_size
        self._most_bytes = most_bytes
        full = self._package.DICT_TYPE_FULLDICT
        self._dictionary = (
            self._package.ZstdCompressionDict(dictionary, dict_type=full) if dictionary else None
        )
        # Each is used by one thread at a time: whoever needs one takes it, and puts it back.
        self._spare = [self._made()]

    def __call__(self, frame: memoryview) -> bytes:
        """The value of a frame.

        Raises:
            BadFrame: it is no frame, or claims to hold more than the column does.
        """
        if not frame:
            return b""
        size_bytes = -1
        try:
            # Asked before anything is allocated for it; -1 of a frame that does not say.
            size_bytes = self._size_of(frame)
            if not 0 <= size_bytes <= self._most_bytes or size_bytes > MOST_RATIO * len(frame):
                raise BadFrame(f"it claims to hold {size_bytes} bytes")
            try:
                one = self._spare.pop()
            except IndexError:
                one = self._made()
            value: bytes = one.decompress(frame, allow_extra_data=False)
        except (MemoryError, self._package.ZstdError) as error:
            raise BadFrame(str(error) or f"it claims to hold {size_bytes} bytes") from error
        self._spare.append(one)
        return value

    def _made(self) -> Any:
        try:
            return self._package.ZstdDecompressor(dict_data=self._dictionary)
        except self._package.ZstdError as error:
            raise BadFrame(str(error)) from error


def _paying_dictionary(rows: Rows, level: int) -> bytes:
    """A dictionary that saves more bytes than it takes; b"" where there is none."""
    total = sum(map(len, rows))
    size_bytes = min(MOST_DICTIONARY_BYTES, total // TRAINING_SHARE)
    if size_bytes < LEAST_DICTIONARY_BYTES or len(rows) < LEAST_ROWS:
        return b""
    # Evenly out of all rows: those that are trained on, and beside them those it is tried on.
    step = max(2, total // (TRAINING_SHARE * size_bytes))
    dictionary = _trained([bytes(row[:TRAINING_ROW_BYTES]) for row in rows[::step]], size_bytes)
    if not dictionary:
        return b""
    trial = _first_bytes(rows[1::step], TRIAL_BYTES)
    plain, packed = (sum(map(len, _frames(trial, level, other))) for other in (b"", dictionary))
    saved = (plain - packed) * total / sum(map(len, trial))
    return dictionary if saved > STORED_SHARE * len(dictionary) else b""


def _trained(rows: list[bytes], size_bytes: int) -> bytes:
    package = zstandard()
    try:
        dictionary: bytes = package.train_dictionary(size_bytes, rows, **COVER).as_bytes()
    except package.ZstdError:
        # Too little in common, or nothing but the same.
        return b""
    return dictionary


def _first_bytes(rows: Rows, most_bytes: int) -> Rows:
    """The first rows, until they have so many bytes; one at least."""
    taken = 0
    for count, row in enumerate(rows, 1):
        taken += len(row)
        if taken >= most_bytes:
            return rows[:count]
    return rows


def _frames(rows: Rows, level: int, dictionary: bytes) -> list[bytes]:
    package = zstandard()
    # Which dictionary it is the shard says, and whether a byte changed its checksum.
    compress = package.ZstdCompressor(
        level=level,
        dict_data=package.ZstdCompressionDict(dictionary) if dictionary else None,
        write_content_size=True,
        write_checksum=False,
        write_dict_id=False,
    ).compress
    return [compress(row) if len(row) else b"" for row in rows]
