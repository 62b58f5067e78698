"""`hr.mix` over datasets, streams and whatever gives records; `ref.sample`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError


def refs(*sizes: int) -> list[hr.DataRef[int]]:
    return [
        hr.DataRef.from_sequence(range(1_000 * k, 1_000 * k + size)).shuffle(seed=k)
        for k, size in enumerate(sizes)
    ]


def test_a_mix_of_datasets_is_a_dataset() -> None:
    mixed = hr.mix(refs(300, 100), [3, 1], seed=5, stop="all")
    assert isinstance(mixed, hr.DataRef)
    everything = mixed.stream().collect()
    assert len(mixed) == 400
    assert sorted(everything) == [*range(300), *range(1_000, 1_100)]
    assert mixed[7:90].stream().collect() == everything[7:90]
    assert mixed[-1] == everything[-1]
    assert sorted(mixed.shuffle(seed=1).stream()) == sorted(everything)
    parts = [mixed.shard(rank, 3).stream().collect() for rank in range(3)]
    assert [parts[k % 3][k // 3] for k in range(400)] == everything


@pytest.mark.parametrize("stop", ["first", "all", "cycle"])
def test_a_mix_of_datasets_resumes_on_another_number_of_workers(stop: Any) -> None:
    def loader(workers: int) -> Any:
        mixed = hr.mix(refs(90, 30, 9), [2, 1, 1], seed=5, stop=stop)
        return hr.DataLoader(mixed.stream().batch(8), backend=hr.Threads(workers))

    with loader(1) as first:
        batches = iter(first)
        before = [next(batches).tolist() for _ in range(2)]
        state = first.state_dict()
        rest = [batch.tolist() for batch in batches]
    with loader(3) as second:
        second.load_state_dict(state)
        assert [batch.tolist() for batch in second] == rest
    assert before[0] != rest[0]


def test_a_mix_without_a_seed_takes_the_loaders() -> None:
    mixed = hr.mix(refs(30, 30), stop="all")
    assert len(mixed) == 60
    expected = hr.mix(refs(30, 30), seed=4, stop="all").stream().collect()
    assert list(hr.DataLoader(mixed.stream(), seed=4)) == expected


def test_mixed_kinds_give_a_stream() -> None:
    sources = [refs(5)[0], hr.stream([10, 11]).map(int), range(20, 23), lambda: iter([30])]
    mixed = hr.mix(sources, seed=1, stop="all")
    assert isinstance(mixed, hr.Stream)
    assert sorted(mixed.collect()) == [0, 1, 2, 3, 4, 10, 11, 20, 21, 22, 30]


def test_columns_are_mixed_without_taking_them_apart() -> None:
    arrays = [{"x": np.arange(k, k + 50)} for k in (0, 100)]
    mixed: Any = hr.mix([hr.stream(one) for one in arrays], seed=1)
    (batch,) = mixed.batch(200).collect()
    assert sorted(batch["x"].tolist()) == [*range(50), *range(100, 150)]


def test_s_b18_probabilities_that_do_not_sum_to_one_are_fine() -> None:
    weights = [0.7, 0.2, 0.1]
    mixed = hr.mix(refs(700, 300, 300), weights, seed=1).stream().collect()
    assert [sum(x // 1_000 == k for x in mixed) for k in range(3)] == [700, 200, 100]


def test_s_b19_weights_survive_every_epoch() -> None:
    weights = [0.5, 0.25, 0.25]
    mixed = hr.mix([hr.stream(range(9)).filter(bool) for _ in range(3)], weights, seed=1)
    runs = [mixed.epoch(epoch).collect() for epoch in range(3)]
    assert weights == [0.5, 0.25, 0.25]
    assert mixed.epoch(0).collect() == runs[0]


def test_s_b19_no_sources_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"mix got no sources. At least one .*hr.stream\(\[\]"):
        hr.mix([])


@pytest.mark.parametrize("sources", [refs(1)[0], hr.stream([1]), {"a": [1]}, "ab", 3])
def test_a_single_source_is_refused(sources: Any) -> None:
    with pytest.raises(ArgumentError, match=r"mix got \w+ for its sources. A list .*\[first"):
        hr.mix(sources)


def test_one_source_is_itself_in_its_order() -> None:
    ref = refs(50)[0]
    for stop in ("first", "all", "cycle"):
        mixed = hr.mix([ref], seed=1, stop=stop)
        assert mixed.stream().collect() == ref.stream().collect()


def test_s_b20_draws_by_weight_differ_by_epoch_and_resume() -> None:
    drawn = hr.DataRef.from_sequence(range(100)).sample(np.arange(100), n=60, seed=3)
    stream = drawn.stream()
    epochs = [stream.epoch(epoch).collect() for epoch in range(3)]
    assert len({tuple(one) for one in epochs}) == 3
    assert len(drawn) == 60
    loader = hr.DataLoader(stream)
    batches = iter(loader)
    for _ in range(17):
        next(batches)
    again = hr.DataLoader(stream)
    again.load_state_dict(loader.state_dict())
    assert list(again) == epochs[0][17:]
    with pytest.raises(ArgumentError, match="weights of 100 records"):
        hr.DataRef.from_sequence(range(100)).sample([1, 2], n=1, seed=3)
