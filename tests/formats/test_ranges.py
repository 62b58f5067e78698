"""Requests for many stretches: all of them, no more than twice their bytes, the nearest joined."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.far import CountedBlobs

from headrace.formats.far.ranges import MOST_GAP_BYTES, Stretches, fetched

SIZE = 5 * 2**20
CONTENT = np.random.default_rng(1).integers(0, 255, SIZE, np.uint8)
STRETCHES = st.lists(st.tuples(st.integers(0, SIZE - 5000), st.integers(0, 5000)), max_size=12)


def blobs() -> CountedBlobs:
    made = CountedBlobs()
    made.held["a"] = CONTENT.tobytes()
    return made


@given(
    first=STRETCHES,
    second=STRETCHES,
    spare_bytes=st.sampled_from([0, 1000, 50_000, 2**20, 2**24]),
)
def test_each_stretch_is_found_and_little_beside_them(
    first: list[tuple[int, int]], second: list[tuple[int, int]], spare_bytes: int
) -> None:
    counted = blobs()
    wanted = [
        Stretches(np.array([at for at, _ in some], int), np.array([n for _, n in some], int))
        for some in (first, second)
    ]
    found = fetched(counted, "a", wanted, spare_bytes=spare_bytes)
    for some, piece in zip((first, second), found, strict=True):
        assert bytes(piece) == b"".join(CONTENT[at : at + n].tobytes() for at, n in some)
    asked = sorted((start, end) for _, start, end in counted.asked)
    useful = {byte for at, n in (*first, *second) for byte in range(at, at + n)}
    assert counted.asked_bytes <= len(useful) + spare_bytes
    assert all(end < start for (_, end), (start, _) in pairwise(asked))
    # Within one call blobs may read over what lies between.
    for call in counted.calls:
        gaps = [start - end for (_, end), (start, _) in pairwise(call)]
        assert all(gap > MOST_GAP_BYTES for gap in gaps)


def test_the_nearest_are_joined_first() -> None:
    counted = blobs()
    begins = np.array([0, 3000, 5000, 5000 + 2**21])
    fetched(counted, "a", [Stretches(begins, np.full(4, 1000))], spare_bytes=2**20)
    assert sorted(asked[1:] for asked in counted.asked) == [
        (0, 6000),
        (5000 + 2**21, 6000 + 2**21),
    ]
    counted.forget()
    fetched(counted, "a", [Stretches(begins, np.full(4, 1000))], spare_bytes=2000)
    assert [asked[1:] for asked in sorted(counted.asked)] == [
        (0, 1000),
        (3000, 6000),
        (5000 + 2**21, 6000 + 2**21),
    ]
