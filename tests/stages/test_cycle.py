"""`cycle`: the same epoch again, as arithmetic where possible, else pass after pass."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.testing import check_stage

# Any, in this file: records of every type.


def test_cycle_conforms() -> None:
    check_stage(lambda stream: stream.cycle(3), lambda r: iter(list(r) * 3), slack=48)


def test_a_cycle_of_chains_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).cycle(3),
        lambda records: iter([x for x in records if x % 3] * 3),
        slack=48,
    )


def test_an_endless_cycle_of_chains_goes_round() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).cycle().take(30),
        lambda records: itertools.islice(itertools.cycle([x for x in records if x % 3]), 30),
        slack=96,
    )


@pytest.mark.parametrize("build", [lambda s: s, lambda s: s.filter(lambda x: True)])
def test_each_pass_has_the_order_of_its_epoch(build: Any) -> None:
    stream = build(hr.DataRef.from_sequence(range(6)).shuffle(seed=1).stream())
    for epoch in range(3):
        assert stream.cycle(3).epoch(epoch).collect() == stream.epoch(epoch).collect() * 3
    assert stream.cycle(3).epoch(0).collect() != stream.cycle(3).epoch(1).collect()
    assert stream.cycle().take(8).collect() == (stream.collect() * 2)[:8]


@pytest.mark.parametrize(
    "build",
    [
        lambda ref: ref.stream().take(3),
        lambda ref: ref.stream().skip(3),
        lambda ref: ref.stream().shard(0, 2),
        lambda ref: ref.stream(start_offset=7),
    ],
)
def test_a_part_of_an_epoch_is_cycled_as_it_is(build: Any) -> None:
    stream = build(hr.DataRef.from_sequence(range(5)))
    assert stream.cycle(2).collect() == stream.collect() * 2
    assert stream.cycle(2).first_epoch == stream.first_epoch


def test_it_is_arithmetic_where_each_record_has_a_position() -> None:
    stream = hr.stream(range(10**9)).cycle(10**6)
    assert len(stream) == 10**15
    assert stream.skip(10**14 + 5).take(2).collect() == [5, 6]


def test_an_endless_cycle_of_nothing_ends() -> None:
    assert list(hr.stream([1, 2]).filter(lambda x: False).cycle()) == []
    assert list(hr.stream([]).cycle()) == []


def test_s_b13_a_loop_works_over_generators_executors_and_open_files(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("so\nmuch\n")
    lock = threading.Lock()

    def numbers() -> Iterator[int]:
        with lock:
            yield from range(3)

    with ThreadPoolExecutor(1) as executor, path.open() as file:

        def lines() -> Iterator[str]:
            file.seek(0)
            yield from file

        def ask(x: Any) -> Any:
            return executor.submit(repr, x).result()

        for build in (hr.Stream.cycle, hr.Stream.repeat):
            assert build(hr.stream(numbers), 2).collect() == [0, 1, 2] * 2
            assert build(hr.stream(lines).map(str.strip), 2).collect() == ["so", "much"] * 2
            assert build(hr.stream(range(2)).map(ask), 2).collect() == ["0", "1"] * 2
            assert build(hr.stream(numbers).map(ask), None).take(4).collect() == [*"0120"]


@pytest.mark.parametrize("times", [0, -1, 1.5])
def test_less_than_one_time_is_refused(times: Any) -> None:
    with pytest.raises(ArgumentError, match=r"times to cycle must be .* None cycles without end"):
        hr.stream([1]).cycle(times)
