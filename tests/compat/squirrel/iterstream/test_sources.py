"""Where chains begin: iterables of all kinds, samplers, files, the free functions."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.compat.squirrel.iterstream import (
    FilePathGenerator,
    IterableSamplerSource,
    IterableSource,
)
from headrace.compat.squirrel.iterstream.iterators import (
    batched_,
    dask_delayed_,
    filter_,
    flatten_,
    get_random_range,
    getsize,
    map_,
    monitor_,
    shuffle_,
    take_,
    tqdm_,
)
from headrace.compat.squirrel.iterstream.source import IterableSource as FromSource
from headrace.compat.squirrel.iterstream.splits import ByRank, ByWorker
from headrace.compat.squirrel.iterstream.torch_reading import is_split
from headrace.contracts.errors import ArgumentError, MissingExtra

# Any, in this file: records are untyped in a Composable.


class Numbers:
    """Made anew for each epoch."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.count))


@pytest.mark.parametrize(
    "source",
    [
        [1, "a", None],
        (1, 2),
        range(3),
        "text",
        b"bytes",
        {"key": 1},
        {1, 2},
        np.arange(3),
        np.zeros((2, 3)),
        Numbers(3),
        IterableSource([1, 2]).map(str),
    ],
    ids=lambda source: type(source).__name__,
)
def test_each_epoch_gives_what_iter_gives(source: Any) -> None:
    chain = IterableSource(source)
    for _ in range(2):
        assert list(map(repr, chain)) == list(map(repr, source))
    assert list(map(repr, chain.shuffle(1).loop(2))) == 2 * list(map(repr, source))


@pytest.mark.parametrize("source", [partial(Numbers, 3), lambda: range(3), lambda: iter(range(3))])
def test_a_function_is_called_anew_for_each_epoch(source: Any) -> None:
    chain = FromSource(source)
    assert chain.collect() == chain.collect() == [0, 1, 2]


def test_a_chain_that_a_function_gives_is_in_the_same_epoch() -> None:
    shuffled = IterableSource(range(20)).shuffle(seed=1)
    chain = IterableSource(lambda: IterableSource(range(20)).shuffle(seed=1))
    for _ in range(2):
        assert chain.collect() == shuffled.collect()


def test_without_a_source_there_is_nothing_until_one_is_set() -> None:
    assert IterableSource().collect() == []
    assert IterableSource().source_([1]).map(str).collect() == ["1"]


# -- samplers -------------------------------------------------------------------------------------


@given(sizes=st.lists(st.integers(0, 9), max_size=4), seed=st.integers(0, 9), data=st.data())
def test_a_sampler_gives_each_record_once_and_the_order_of_each_source(
    sizes: list[int], seed: int, data: st.DataObject
) -> None:
    weights = data.draw(st.lists(st.integers(1, 9), min_size=len(sizes), max_size=len(sizes)))
    probs = [weight / sum(weights) for weight in weights] or None
    lists = [[(source, at) for at in range(size)] for source, size in enumerate(sizes)]
    kinds: list[Any] = [lists, [IterableSource(iter(one)) for one in lists]]
    for iterables in kinds:
        found = IterableSamplerSource(iterables, probs, seed=seed).collect()
        for source, expected in enumerate(lists):
            assert [record for record in found if record[0] == source] == expected


def test_s_b11_a_sampler_of_unsplit_chains_is_not_split() -> None:
    plain = IterableSource([1])
    split = plain.split_by_worker_pytorch()
    cases: list[tuple[list[Any], bool]]
    cases = [([plain, split], False), ([split, split.map(str)], True), ([], False)]
    for chains, expected in cases:
        sampler = IterableSamplerSource(chains).batched(2)
        assert is_split(sampler, ByWorker) is expected
        assert not is_split(sampler, ByRank)


def test_s_b18_probabilities_that_sum_to_one_but_for_rounding_are_fine() -> None:
    assert len(IterableSamplerSource([[1], [2], [3]], [0.7, 0.2, 0.1]).collect()) == 3


@pytest.mark.parametrize("probs", [[0.5], [0.5, 0.4], [1, 0], [1.5, -0.5], [float("nan"), 1]])
def test_other_probabilities_are_refused(probs: list[float]) -> None:
    with pytest.raises(ArgumentError, match=r"probs must be 2 numbers above 0 that sum to 1"):
        IterableSamplerSource([[1], [2]], probs)


def test_s_b19_a_sampler_is_read_again_and_may_be_empty() -> None:
    sampler = IterableSamplerSource([range(20), range(20, 25)], [0.8, 0.2], seed=3)
    again = pickle.loads(pickle.dumps(sampler))
    epochs = [sampler.collect() for _ in range(3)]
    assert all(sorted(epoch) == list(range(25)) for epoch in epochs)
    assert epochs == [again.collect() for _ in range(3)]
    assert IterableSamplerSource([]).collect() == []


def test_a_sampler_draws_its_seed_from_a_generator() -> None:
    lists = [range(30), range(30, 60)]
    first, second = (IterableSamplerSource(lists, rng=random.Random(5)) for _ in range(2))
    assert first.collect() == second.collect()


# -- files ----------------------------------------------------------------------------------------


def test_files_are_listed_by_each_epoch(tmp_path: Path) -> None:
    paths = FilePathGenerator(str(tmp_path / "data"))
    nested = FilePathGenerator((tmp_path / "data").as_uri(), nested=True, max_workers=2)
    assert paths.collect() == []
    (tmp_path / "data" / "deep" / "er").mkdir(parents=True)
    for name in ("b.txt", "a.txt", "deep/er/c.txt"):
        (tmp_path / "data" / name).write_text("")
    folder = str(tmp_path / "data")
    assert paths.collect() == [f"{folder}/{name}" for name in ("a.txt", "b.txt", "deep")]
    files = [f"file://{folder}/{name}" for name in ("a.txt", "b.txt", "deep/er/c.txt")]
    assert nested.collect() == files
    assert pickle.loads(pickle.dumps(nested)).take(1).collect() == files[:1]


def test_a_relative_folder_gives_whole_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert FilePathGenerator(".").collect() == [f"{tmp_path}/file"]


# -- functions ------------------------------------------------------------------------------------


def test_the_free_functions_do_what_their_methods_do() -> None:
    numbers = range(7)
    assert list(map_(numbers, str)) == list("0123456")
    assert list(filter_(numbers, lambda number: number % 2)) == [1, 3, 5]
    assert list(flatten_([[1], "ab"])) == [1, "a", "b"]
    assert list(batched_(numbers, 3)) == [[0, 1, 2], [3, 4, 5]]
    assert list(batched_(numbers, 3, sum, False)) == [3, 12, 6]
    assert [len(batch) for batch in batched_(range(45))] == [20, 20]
    assert (
        list(shuffle_(numbers, 4, seed=3)) == IterableSource(numbers).shuffle(4, seed=3).collect()
    )
    reports: list[Any] = []
    assert list(monitor_(numbers, reports.append, window_size=7)) == list(numbers)
    assert len(reports) == 1


def test_a_bar_of_tqdm_lets_all_records_pass() -> None:
    pytest.importorskip("tqdm")
    assert list(tqdm_(range(7), disable=True)) == list(range(7))
    assert IterableSource(range(7)).tqdm(disable=True).collect() == list(range(7))


def test_take_asks_for_no_more() -> None:
    numbers = iter(range(9))
    assert list(take_(numbers, 3)) == [0, 1, 2]
    assert next(numbers) == 3


def test_delayed_calls_compute_one_by_one() -> None:
    pytest.importorskip("dask")
    assert [call.compute() for call in dask_delayed_([1, 2], str)] == ["1", "2"]


def test_s_b16_batches_of_none_are_refused() -> None:
    with pytest.raises(ArgumentError, match="batchsize must be .* at least 1, got 0"):
        list(batched_([1], 0))


def test_s_b7_a_generator_is_seeded_only_where_a_seed_is_given() -> None:
    given = random.Random(3)
    before = given.getstate()
    assert get_random_range(given) is given
    assert given.getstate() == before
    assert get_random_range(given, 4).random() == random.Random(4).random()
    assert get_random_range() is not get_random_range()


def test_sizes_are_those_of_arrays_and_text() -> None:
    assert getsize(np.zeros((2, 3))) == 48
    assert getsize(["abc", b"de", 1]) == 13


def test_without_tqdm_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(MissingExtra, match="pip install tqdm; or take hr.Stream.progress"):
        next(iter(tqdm_([1])))
