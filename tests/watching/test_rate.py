"""Rates: w records over w intervals, at any time and for any pace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.watching import Rate


def paced(rate: Rate, step_s: float, count: int, *, start_s: float = 0.0) -> list[float]:
    """The rates of a steady stream, asked after each of its records."""
    found = []
    for number in range(1, count + 1):
        rate.note(start_s + number * step_s, number, 8.0 * number)
        found.append(rate.a_second()[0])
    return found


@given(
    step_s=st.floats(1e-6, 100.0),
    count=st.integers(1, 300),
    window_s=st.floats(0.01, 10.0),
)
def test_a_steady_stream_has_its_rate_from_the_first_record_on(
    step_s: float, count: int, window_s: float
) -> None:
    assert paced(Rate(window_s, 0.0), step_s, count) == pytest.approx([1 / step_s] * count)


def test_bytes_are_counted_like_records() -> None:
    rate = Rate(5.0, 0.0)
    paced(rate, 0.5, 20)
    assert rate.a_second() == (2.0, 16.0)


def test_what_left_the_window_is_forgotten_after_a_change_of_pace() -> None:
    rate = Rate(5.0, 0.0)
    paced(rate, 0.1, 1000)
    for number in range(1, 7):
        rate.note(100.0 + number, 1000 + number, 0.0)
    # A window reaches at most a sixteenth further back than asked, or to the note before it.
    assert rate.a_second()[0] == pytest.approx(1.0)


def test_no_time_and_no_records_are_a_rate_of_0() -> None:
    rate = Rate(5.0, 3.0)
    assert rate.a_second() == (0.0, 0.0)
    rate.note(3.0, 7, 7.0)
    assert rate.a_second() == (0.0, 0.0)
    assert rate.recent == 0.0


def test_totals_are_wanted_a_few_times_a_window() -> None:
    rate, now_s, calls = Rate(5.0, 0.0), 0.0, 0
    while now_s < 60.0:
        now_s = max(rate.due_s, now_s + 1e-5)
        calls += 1
        rate.note(now_s, calls, 0.0)
    assert calls < 16 * 12 + 20
