"""`map`: plain, seeded, and seeded through the process-wide generators."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, StreamError
from headrace.testing import check_stage


def noise(x: Any, rng: np.random.Generator) -> tuple[Any, int]:
    return x, int(rng.integers(1 << 40))


def test_map_conforms() -> None:
    check_stage(lambda stream: stream.map(str), lambda records: map(str, records))


def test_map_after_a_filter_and_after_a_late_batch_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).map(str),
        lambda records: (str(x) for x in records if x % 3),
    )
    check_stage(lambda stream: stream.filter(lambda x: x % 3).batch(2, collate="list").map(str))


@pytest.mark.parametrize(
    "place",
    ["first", "after a filter", "after a flat_map", "after a batch", "after a window", "late"],
)
def test_a_seeded_map_conforms_wherever_it_stands(place: str) -> None:
    def build(stream: Any) -> Any:
        match place:
            case "after a filter":
                stream = stream.filter(lambda x: x % 3)
            case "after a flat_map":
                stream = stream.flat_map(lambda x: [x] * (x % 3))
            case "after a batch":
                stream = stream.batch(2, collate="list")
            case "after a window":
                stream = stream.filter(lambda x: x % 3).shuffle(4, seed=1)
            case "late":
                stream = stream.filter(lambda x: x % 3).skip(1)
            case _:
                pass
        return stream.map(noise, seeded=True, seed=3)

    check_stage(build)


def test_randomness_differs_by_position_epoch_seed_and_stage() -> None:
    def numbers(stream: Any) -> list[int]:
        return [output[1] for output in stream]

    def seeded(seed: int) -> Any:
        return hr.stream([0] * 30).map(noise, seeded=True, seed=seed)

    runs = [seeded(1).epoch(0), seeded(1).epoch(1), seeded(2).epoch(0)]
    runs.append(hr.stream([0] * 30).map(abs).map(noise, seeded=True, seed=1))
    found = [numbers(run) for run in runs]
    assert numbers(seeded(1)) == found[0]
    assert len({number for run in found for number in run}) == 4 * 30


def test_outputs_of_one_record_draw_different_numbers() -> None:
    stream = hr.stream([0]).flat_map(lambda x: [x] * 20).map(noise, seeded=True, seed=1)
    assert len({number for _, number in stream}) == 20


def test_the_randomness_of_a_record_is_that_of_its_global_position() -> None:
    ref = hr.DataRef.from_sequence(range(12)).shuffle(seed=5)
    whole = dict(ref.stream().map(noise, seeded=True, seed=3))
    parts = [dict(ref.shard(r, 3).stream().map(noise, seeded=True, seed=3)) for r in range(3)]
    assert {key: value for part in parts for key, value in part.items()} == whole


def drawn_everywhere(x: int) -> tuple[int, float, float, float]:
    torch = pytest.importorskip("torch")
    return x, random.random(), float(np.random.random()), float(torch.rand(1))  # noqa: NPY002


def test_global_seeding_is_repeated_and_restores_all_generators() -> None:
    torch = pytest.importorskip("torch")
    stream = hr.stream(range(6)).map(drawn_everywhere, seeded="global", seed=9)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    expected = drawn_everywhere(0)[1:]
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    first = stream.collect()
    assert drawn_everywhere(0)[1:] == expected
    assert stream.collect() == first
    assert len({numbers for _, *rest in first for numbers in rest}) == 18


def test_global_seeding_restores_the_generators_after_an_error() -> None:
    def fail(x: int) -> int:
        raise ValueError("no")

    random.seed(4)
    before = random.getstate()
    with pytest.raises(ValueError, match="no"):
        hr.stream([1]).map(fail, seeded="global", seed=9).collect()
    assert random.getstate() == before


def test_global_seeding_is_refused_on_threads_with_the_reason() -> None:
    stream = hr.stream(range(6)).map(drawn_everywhere, seeded="global", seed=9)
    message = "seeds the process-wide random generators, which threads share.*seeded=True"
    loader = hr.DataLoader(stream, backend=hr.Threads(2))
    with loader, pytest.raises(StreamError, match=message):
        next(iter(loader))


def test_a_seeded_map_without_any_seed_says_where_to_give_one() -> None:
    stream = hr.stream([1]).map(noise, seeded=True)
    with pytest.raises(ArgumentError, match=r"map\(noise\)#0 draws .* no seed .* \(seed=7\)"):
        stream.collect()
    assert list(hr.DataLoader(stream, seed=3)) == list(hr.DataLoader(stream, seed=3))


def test_a_shuffled_dataset_lends_its_seed() -> None:
    ref = hr.DataRef.from_sequence(range(4)).shuffle(seed=5)
    assert ref.stream().map(noise, seeded=True).collect()


def test_an_unknown_seeding_is_refused() -> None:
    with pytest.raises(ArgumentError, match="seeded must be True, False or 'global', got 'yes'"):
        hr.stream([1]).map(str, seeded="yes")  # type: ignore[arg-type]


def test_a_function_that_is_renamed_keeps_its_randomness() -> None:
    def renamed(x: int, rng: np.random.Generator) -> tuple[int, int]:
        return noise(x, rng)

    ref = hr.DataRef.from_sequence(range(20))
    streams = [ref.stream().map(fn, seeded=True, seed=3) for fn in (noise, renamed)]
    assert streams[0].collect() == streams[1].collect()


def test_generators_that_a_function_spawns_are_repeated_too() -> None:
    def spawned(x: int, rng: np.random.Generator) -> list[int]:
        return [int(child.integers(2**62)) for child in rng.spawn(2)]

    stream = hr.stream(range(5)).map(spawned, seeded=True, seed=3)
    numbers = [number for pair in stream for number in pair]
    assert len(set(numbers)) == 10
    assert [number for pair in stream for number in pair] == numbers


async def fetched(record: int) -> int:
    return record


@pytest.mark.parametrize("verb", ["map", "filter", "flat_map", "tap"])
def test_async_functions_are_sent_to_async_map(verb: str) -> None:
    with pytest.raises(ArgumentError, match=r"fetched is an async .*\.async_map\(fetched\)"):
        getattr(hr.stream(range(3)), verb)(fetched)
