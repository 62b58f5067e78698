"""`filter`: what it keeps, and what it makes unknown."""

from __future__ import annotations

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, StreamError
from headrace.testing import check_stage


def odd(x: int) -> bool:
    return x % 2 == 1


def test_filter_conforms() -> None:
    check_stage(lambda stream: stream.filter(odd), lambda records: filter(odd, records))


def test_filter_after_a_late_stage_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(odd).skip(1).filter(lambda x: x % 3),
        lambda records: (x for k, x in enumerate(filter(odd, records)) if k and x % 3),
    )


def test_a_filter_that_drops_everything_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: False), lambda records: (x for x in records if x < 0)
    )


def test_the_length_is_not_known_and_the_stage_is_named() -> None:
    with pytest.raises(StreamError, match=r"not known: filter gives .* Count what comes out, or"):
        len(hr.stream([1, 2]).filter(odd))


def test_what_is_no_function_is_refused_where_it_is_written() -> None:
    with pytest.raises(ArgumentError, match="a function of one record was expected, got 3. Pass"):
        hr.stream([1]).filter(3)  # type: ignore[arg-type]
