"""CRC-32C, the checksum of TFRecord files.

Source: Castagnoli et al., IEEE Transactions on Communications 41 (1993); RFC 3720, appendix B.4.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

# The polynomial 0x1EDC6F41, its bits in reverse.
POLYNOMIAL = 0x82F63B78
ALL_ONES = 0xFFFFFFFF
# Shorter content is faster byte by byte.
VECTOR_BYTES = 96
# Rows are reduced to a state each, and those to one: both tables stay in the processor's cache.
ROW_BYTES = 256
ROWS = 256
STATE_BYTES = 4

Words = npt.NDArray[np.uint32]


def crc32c(content: bytes) -> int:
    """The checksum of bytes.

    **Cost**: some 8 us, and 2 ns a byte.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    state = ALL_ONES
    for start in range(0, len(content), ROWS * ROW_BYTES):
        segment = content[start : start + ROWS * ROW_BYTES]
        state = (_singly if len(segment) < VECTOR_BYTES else _by_rows)(segment, state)
    return state ^ ALL_ONES


def _singly(segment: bytes, state: int) -> int:
    table = _table()
    for byte in segment:
        state = table[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state


def _by_rows(segment: bytes, state: int) -> int:
    """The checksum is linear: what each byte adds to it is known by the byte and its place."""
    rows = -(-len(segment) // ROW_BYTES)
    # Zeros before the first byte change nothing.
    padded = np.zeros(rows * ROW_BYTES, np.uint8)
    begin = len(padded) - len(segment)
    padded[begin:] = np.frombuffer(segment, np.uint8)
    padded[begin : begin + STATE_BYTES] ^= np.frombuffer(
        state.to_bytes(STATE_BYTES, "little"), "u1"
    )
    places = padded.reshape(rows, ROW_BYTES) + _starts(ROW_BYTES)
    states = np.bitwise_xor.reduce(_byte_table().take(places), axis=1)
    parts = states.astype("<u4").view(np.uint8) + _starts(ROWS * STATE_BYTES)[-rows * STATE_BYTES :]
    return int(np.bitwise_xor.reduce(_state_table().take(parts)))


@cache
def _table() -> list[int]:
    """The state after one byte, from a state of 0."""
    states = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        states = states >> np.uint32(1) ^ (states & np.uint32(1)) * np.uint32(POLYNOMIAL)
    found: list[int] = states.tolist()
    return found


@cache
def _byte_table() -> Words:
    """What a byte at each place of a row leaves at the row's end; flat, by place * 256 + byte."""
    places = [np.array(_table(), np.uint32)]
    for _ in range(ROW_BYTES - 1):
        places.append(_after_zero(places[-1]))
    return np.concatenate(places[::-1])


@cache
def _state_table() -> Words:
    """What a byte of the state of each row leaves at the last row's end; flat, as above."""
    alone = np.arange(256, dtype=np.uint32) << np.arange(0, 32, 8, dtype=np.uint32)[:, None]
    after_row = alone
    for _ in range(ROW_BYTES):
        after_row = _after_zero(after_row)
    rows = [alone]
    for _ in range(ROWS - 1):
        parts = rows[-1][..., None].astype("<u4").view(np.uint8).astype(np.intp)
        moved = (after_row[byte].take(parts[..., byte]) for byte in range(STATE_BYTES))
        rows.append(np.bitwise_xor.reduce(list(moved)))
    return np.concatenate(rows[::-1]).ravel()


@cache
def _starts(places: int) -> npt.NDArray[np.intp]:
    return np.arange(0, places * 256, 256, dtype=np.intp)


def _after_zero(states: Words) -> Words:
    """The states after a byte of zero."""
    table = np.array(_table(), np.uint32)
    return table.take(states & np.uint32(0xFF)) ^ states >> np.uint32(8)
