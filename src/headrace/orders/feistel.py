"""A keyed network that permutes [0, n) number by number: no table, any n up to 2**63."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from headrace.contracts.order import Indices
from headrace.orders.bounds import BLOCK_POSITIONS
from headrace.orders.keys import Words

Half: TypeAlias = npt.NDArray[np.unsignedinteger[Any]]  # Any: 32 or 64 bits, chosen by the size

# Four rounds hide a structure from whoever cannot choose inputs (Luby & Rackoff); narrow halves
# of unequal width need more, and eight cost 25 ns an index.
ROUNDS = 8
FORWARD = range(ROUNDS)
BACKWARD = range(ROUNDS - 1, -1, -1)

# Multipliers with avalanche in the high bits, which are those used: the golden ratio, then one of
# MurmurHash3 (32 bits) and of Evensen's rrmxmx (64 bits).
_NARROW = (np.uint32(0x9E3779B1), np.uint32(0x85EBCA6B), np.uint32(15))
_WIDE = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93), np.uint64(31))


def walk(numbers: Indices, size: int, keys: Words, rounds: range) -> Indices:
    """Where each number of [0, `size`) goes: FORWARD permutes, BACKWARD undoes it.

    `keys` has shape (ROUNDS,) for one permutation, or (ROUNDS, n) for one a number.
    The network permutes the next power of two; numbers that leave [0, `size`) go through it
    again until they return ("cycle walking"), fewer than two times on the average.

    **Source**: Luby & Rackoff 1988, "How to construct pseudorandom permutations from
    pseudorandom functions"; Black & Rogaway 2002, "Ciphers with arbitrary finite domains",
    section 3 (cycle walking).
    """
    bits = (size - 1).bit_length()
    word = np.dtype(np.uint32 if bits <= 32 else np.uint64)
    narrow: Half = keys.astype(word, copy=False)
    moved = np.empty(len(numbers), dtype=np.int64)
    for start in range(0, len(numbers), BLOCK_POSITIONS):
        block = slice(start, start + BLOCK_POSITIONS)
        block_keys = narrow if narrow.ndim == 1 else narrow[:, block]
        own: Half = numbers[block].astype(word)
        moved[block] = _walk_block(own, size, block_keys, rounds)
    return moved


def _walk_block(numbers: Half, size: int, keys: Half, rounds: range) -> Half:
    bits = (size - 1).bit_length()
    limit = numbers.dtype.type(size - 1)
    moved = _network(numbers, bits, keys, rounds)
    outside = np.flatnonzero(moved > limit)
    while len(outside):
        their_keys = keys if keys.ndim == 1 else keys[:, outside]
        again = _network(moved[outside], bits, their_keys, rounds)
        moved[outside] = again
        outside = outside[again > limit]
    return moved


def _network(numbers: Half, bits: int, keys: Half, rounds: range) -> Half:
    low_bits = bits // 2
    high_bits = bits - low_bits
    word = numbers.dtype.type
    first, second, fold = _NARROW if word is np.uint32 else _WIDE
    word_bits = numbers.dtype.itemsize * 8
    high = numbers >> word(low_bits)
    low = numbers & word((1 << low_bits) - 1)
    mixed, folded = np.empty_like(numbers), np.empty_like(numbers)
    for number in rounds:
        source, target, width = (low, high, high_bits) if number % 2 == 0 else (high, low, low_bits)
        np.add(source, keys[number], out=mixed)
        np.multiply(mixed, first, out=mixed)
        np.right_shift(mixed, fold, out=folded)
        np.bitwise_xor(mixed, folded, out=mixed)
        np.multiply(mixed, second, out=mixed)
        np.right_shift(mixed, word(word_bits - width), out=mixed)
        np.bitwise_xor(target, mixed, out=target)
    np.left_shift(high, word(low_bits), out=high)
    np.bitwise_or(high, low, out=high)
    return high
