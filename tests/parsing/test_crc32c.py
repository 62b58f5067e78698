"""CRC-32C is that of the standard, whatever the length."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.parsing.crc32c import ROW_BYTES, ROWS, VECTOR_BYTES, crc32c


def bit_by_bit(content: bytes) -> int:
    state = 0xFFFFFFFF
    for byte in content:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("content", "checksum"),
    [
        (b"123456789", 0xE3069283),
        # RFC 3720, appendix B.4.
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (b"", 0),
    ],
    ids=["check", "zeros", "ones", "ascending", "empty"],
)
def test_the_checksums_of_the_standard(content: bytes, checksum: int) -> None:
    assert crc32c(content) == checksum


@given(st.binary(max_size=3 * ROW_BYTES))
def test_short_content_is_as_bit_by_bit(content: bytes) -> None:
    assert crc32c(content) == bit_by_bit(content)


@pytest.mark.parametrize("more", [0, 1, VECTOR_BYTES - 1, VECTOR_BYTES, ROW_BYTES + 1])
def test_long_content_is_as_bit_by_bit(more: int) -> None:
    content = os.urandom(ROWS * ROW_BYTES + more)
    assert crc32c(content) == bit_by_bit(content)
