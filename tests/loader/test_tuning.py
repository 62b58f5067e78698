"""The number of workers while a loader runs: where it climbs, where it stays, what it leaves."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.loader.tuning import Autotune, Tuner

# Any, in this file: records of every type.
WINDOWS = 60


def run(
    tuner: Tuner, made_s: Callable[[int], float], held_s: float, windows: int = WINDOWS
) -> list[int]:
    """Windows of a loop that holds an output for `held_s`, made in `made_s(workers)`."""
    for _ in range(windows):
        period = max(made_s(tuner.workers), held_s)
        tuner.window(1 / period, max(0.0, period - held_s) / period)
    return tuner.decisions


def test_it_doubles_while_that_helps_and_stops_at_the_most() -> None:
    assert run(Tuner(1, 8), lambda n: 1.0 / n, 0.01) == [1, 2, 4, 8]


def test_between_the_best_and_the_first_that_is_no_better_it_looks_for_more() -> None:
    # Five at a time: eight are kept, since sixteen gain nothing, nor what lies between.
    assert run(Tuner(1, 32), lambda n: 1.0 / min(n, 5), 0.01) == [1, 2, 4, 8, 16, 12, 10, 9, 8]
    # Three at a time.
    assert run(Tuner(1, 8), lambda n: 1.0 / min(n, 3), 0.01) == [1, 2, 4, 8, 6, 5, 4]
    # Contention: four workers are slower than two.
    assert run(Tuner(1, 16), lambda n: {1: 1.0, 2: 0.55, 3: 0.6, 4: 0.9}[n], 0.01) == [
        1,
        2,
        4,
        3,
        2,
    ]


def test_where_nothing_helps_it_stays_and_changes_no_more() -> None:
    tuner = Tuner(1, 8)
    assert run(tuner, lambda n: 1.0, 0.01) == [1, 2, 1]
    assert run(tuner, lambda n: 1.0, 0.01) == [1, 2, 1]


def test_noise_of_a_few_percent_moves_nothing() -> None:
    tuner = Tuner(1, 8)
    noise = [1.0, 1.06, 0.95, 1.03, 0.97]
    for number in range(WINDOWS):
        tuner.window(1 / noise[number % 5], 0.9)
    assert tuner.decisions == [1, 2, 1]


def test_a_loop_that_takes_longer_itself_stays_at_few() -> None:
    assert run(Tuner(1, 8), lambda n: 0.5 / n, 1.0) == [1]
    assert run(Tuner(8, 8), lambda n: 0.5 / n, 1.0) == [8, 4, 2, 1]
    # Two are enough, one is not.
    assert run(Tuner(8, 8), lambda n: 1.9 / n, 1.0) == [8, 4, 2, 1, 2]


def test_it_climbs_again_when_the_loop_comes_to_wait() -> None:
    tuner = Tuner(1, 8)
    assert run(tuner, lambda n: 0.5 / n, 1.0) == [1]
    assert run(tuner, lambda n: 0.5 / n, 0.1) == [1, 2, 4, 8]


def test_the_window_after_a_change_is_not_judged() -> None:
    tuner = Tuner(2, 8)
    assert tuner.window(100.0, 0.9) == 2
    assert tuner.window(1.0, 0.9) == 4
    assert tuner.window(0.1, 0.9) == 4
    assert tuner.window(2.0, 0.9) == 8


def slow(number: int) -> int:
    # What is measured is time itself: here a sleep stands for a request.
    time.sleep(0.004)
    return number


def stream() -> hr.Stream[Any]:
    return hr.DataRef.from_sequence(range(4_000)).shuffle(seed=7).stream().map(slow).batch(4)


def test_a_function_that_waits_gets_several_threads_and_is_faster() -> None:
    with hr.DataLoader(stream(), autotune=True, stats=True) as loader:
        begin, found = time.perf_counter(), 0
        # Until it has changed twice, or a machine that does other things had its time.
        while loader.report().count(" -> ") < 2 and time.perf_counter() - begin < 30:
            found += sum(1 for _ in loader.limit(20))
        alone = 1 / (4 * 0.004)
        after = time.perf_counter()
        more = sum(1 for _ in loader.limit(100))
        assert more / (time.perf_counter() - after) > 1.5 * alone
        assert "autotune: 1 -> 2 -> 4" in loader.report()
        assert loader.stats().num_workers >= 2


@pytest.mark.parametrize("chain", ["batch", "filtered", "drawn"])
def test_data_and_states_are_the_same_at_every_cut_whatever_the_number(
    chain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made() -> hr.Stream[Any]:
        ref = hr.DataRef.from_sequence(range(500)).shuffle(seed=7)
        if chain == "drawn":
            return hr.stream(lambda: iter(range(500))).map(str).batch(3, collate="list")
        plain = ref.stream().map(lambda x: x + 1)
        return plain.batch(3) if chain == "batch" else plain.filter(lambda x: x % 5).batch(3)

    # A window after each few outputs, and a number that never rests.
    monkeypatch.setattr("headrace.loader.tuning.WINDOW_S", 0.0)
    monkeypatch.setattr("headrace.loader.tuning.WINDOW_OUTPUTS", 2)
    numbers = iter([3, 1, 5, 2, 8, 1, 4] * 1_000)
    monkeypatch.setattr(Tuner, "window", lambda *_: next(numbers))
    tuned = hr.DataLoader(made(), autotune=True, backend=hr.Threads(2))
    with hr.DataLoader(made()) as plain, tuned:
        for _ in range(2):
            for batch, wanted in zip(tuned, plain, strict=True):
                assert list(batch) == list(wanted)
                assert tuned.state_dict() == plain.state_dict()


def test_a_tuned_loader_resumes_where_a_plain_one_stopped() -> None:
    with hr.DataLoader(stream()) as plain:
        batches = iter(plain)
        first = [next(batches).tolist() for _ in range(3)]
        state = plain.state_dict()
        fourth = next(batches).tolist()
    with hr.DataLoader(stream(), autotune=True) as tuned:
        tuned.load_state_dict(state)
        assert next(iter(tuned)).tolist() == fourth
        assert fourth not in first


def test_a_backend_without_workers_is_refused() -> None:
    message = r"autotune changes the number .* that of Inline\(\) cannot change. Use hr.Threads"
    with pytest.raises(ArgumentError, match=message):
        hr.DataLoader(stream(), backend=hr.Inline(), autotune=True)


def test_workers_whose_number_cannot_change_are_refused_at_once() -> None:
    class Fixed:
        pass

    drawn = iter(range(3))
    tuning = Autotune(lambda: Fixed(), lambda _: None, most=4)  # type: ignore[arg-type,return-value]
    with pytest.raises(ArgumentError, match=r"that of Fixed cannot change. Use hr.Threads\(1\)"):
        list(tuning.watched(drawn))
    assert list(drawn) == [0, 1, 2]
