"""`flat_map`: several outputs a record, lazily, and cuts inside them."""

from __future__ import annotations

from collections.abc import Iterator

import headrace as hr
from headrace.testing import check_stage


def several(x: int) -> list[int]:
    return [x * 10 + k for k in range(x % 4)]


def test_flat_map_conforms() -> None:
    check_stage(
        lambda stream: stream.flat_map(several),
        lambda records: (y for x in records for y in several(x)),
    )


def test_flat_map_after_a_filter_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).flat_map(several),
        lambda records: (y for x in records if x % 3 for y in several(x)),
    )


def test_flat_map_beside_the_consumer_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).skip(1).flat_map(several).flat_map(several),
        lambda records: (
            z
            for k, x in enumerate(x for x in records if x % 3)
            if k
            for y in several(x)
            for z in several(y)
        ),
    )


def test_an_endless_iterable_is_drawn_lazily() -> None:
    drawn = []

    def count_up(x: int) -> Iterator[int]:
        while True:
            drawn.append(x)
            yield x
            x += 1

    assert hr.stream([5]).flat_map(count_up).take(3).collect() == [5, 6, 7]
    assert drawn == [5, 6, 7]
