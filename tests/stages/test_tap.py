"""`tap`: a look at each record, which stays as it is."""

from __future__ import annotations

import headrace as hr
from headrace.testing import check_stage


def test_tap_conforms() -> None:
    check_stage(lambda stream: stream.tap(str), iter)


def test_tap_after_a_filter_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).skip(1).tap(str),
        lambda records: (x for k, x in enumerate(x for x in records if x % 3) if k),
    )


def test_each_record_is_seen_once_and_what_the_function_gives_is_dropped() -> None:
    seen: list[int] = []

    def look(x: int) -> str:
        seen.append(x)
        return "dropped"

    assert hr.stream([3, 1, 2]).tap(look).collect() == [3, 1, 2] == seen
