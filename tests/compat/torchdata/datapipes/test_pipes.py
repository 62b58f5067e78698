"""The DataPipes that torchdata had beside torch's, by what its documents say that they give."""

from __future__ import annotations

import operator
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import headrace as hr
from headrace.compat.torchdata.datapipes import DataChunk, IterDataPipe
from headrace.compat.torchdata.datapipes.iter import (
    IterableWrapper,
    MaxTokenBucketizer,
    SampleMultiplexer,
    Zipper,
    ZipperLongest,
)
from headrace.compat.torchdata.datapipes.map import SequenceWrapper

# Any, in this file: pipes of every type.
Pipe = IterDataPipe[Any]


def numbers(n: int = 10) -> Pipe:
    return IterableWrapper(range(n))


def wrapped(*records: Any) -> Pipe:
    return IterableWrapper(list(records))


async def tenfold(number: int) -> int:
    return number * 10


async def summed(one: int, other: int) -> int:
    return one + other


def tens(number: int) -> int:
    return number * 10


def doubled(batch: list[int]) -> list[int]:
    return [2 * number for number in batch]


def merged(pair: tuple[str, int], value: int) -> tuple[str, int]:
    return pair[0], pair[1] + value


KEYED = [("a", 1), ("b", 2), ("c", 3)]
VALUES = [("c", 30), ("a", 10), ("d", 40), ("b", 20)]
TOKENS = ["1", "11", "1", "1111", "111", "1", "11", "11", "111"]

CASES: dict[str, tuple[Callable[[], Any], list[Any]]] = {
    "flatmap": (lambda: numbers(3).flatmap(lambda n: [n, n * 10]), [0, 0, 1, 10, 2, 20]),
    "flatmap of nothing": (lambda: wrapped([1, 2], [3]).flatmap(), [1, 2, 3]),
    "flatmap of a column": (
        lambda: wrapped((1, "ab"), (2, "c")).flatmap(list, input_col=1),
        ["a", "b", "c"],
    ),
    "map_batches": (lambda: numbers(5).map_batches(doubled, batch_size=2), [0, 2, 4, 6, 8]),
    "map_batches of a column": (
        lambda: wrapped((1, 5), (2, 6)).map_batches(doubled, 2, input_col=1),
        [10, 12],
    ),
    "map_batches of columns": (
        lambda: wrapped((1, 5, 0), (2, 6, 0)).map_batches(lambda b: map(sum, b), 2, [0, 1]),
        [6, 8],
    ),
    "async_map_batches": (lambda: numbers(5).async_map_batches(tenfold, 2), [0, 10, 20, 30, 40]),
    "async_map_batches of columns": (
        lambda: wrapped((1, 2), (3, 4)).async_map_batches(summed, 2, input_col=[0, 1]),
        [(3,), (7,)],
    ),
    "async_map_batches to a column": (
        lambda: wrapped((1, 2), (3, 4)).async_map_batches(
            tenfold, 2, input_col=1, output_col=-1, max_concurrency=1
        ),
        [(1, 2, 20), (3, 4, 40)],
    ),
    "async_map_batches in batches": (
        lambda: numbers(3).async_map_batches(tenfold, 2, flatten=False),
        [[0, 10], [20]],
    ),
    "threadpool_map": (
        lambda: numbers(4).threadpool_map(tens, scheduled_tasks=2, max_workers=2),
        [0, 10, 20, 30],
    ),
    "threadpool_map to a column": (
        lambda: wrapped((0, 0), (1, 1)).threadpool_map(tens, input_col=1, output_col=-1),
        [(0, 0, 0), (1, 1, 10)],
    ),
    "drop": (lambda: wrapped((0, 10, 100), (1, 11, 101)).drop(2), [(0, 10), (1, 11)]),
    "drop of several": (lambda: wrapped([0, 1, 2]).drop([0, 2]), [[1]]),
    "drop of names": (lambda: wrapped({"a": 1, "b": 2}).drop("a"), [{"b": 2}]),
    "slice from on": (lambda: wrapped((0, 10, 100)).slice(1), [(10, 100)]),
    "slice": (lambda: wrapped([0, 1, 2, 3]).slice(0, stop=3, step=2), [[0, 2]]),
    "slice of columns": (lambda: wrapped((0, 10, 100)).slice([0, 2]), [(0, 100)]),
    "slice of a name": (lambda: wrapped({"a": 1, "b": 2}).slice("a"), [{"a": 1}]),
    "slice of names": (
        lambda: wrapped({"a": 1, "b": 2, "c": 3}).slice(["a", "c"]),
        [{"a": 1, "c": 3}],
    ),
    "flatten": (
        lambda: wrapped((0, (10, 11), [1])).flatten(),
        [(0, 10, 11, 1)],
    ),
    "flatten of a column": (lambda: wrapped((0, (1, 2), (3, 4))).flatten(1), [(0, 1, 2, (3, 4))]),
    "flatten of a name": (
        lambda: wrapped({"a": {"b": 1}, "c": {"d": 2}}).flatten("a"),
        [{"b": 1, "c": {"d": 2}}],
    ),
    "add_index": (
        lambda: wrapped({"a": 1}, {"b": 2}).add_index("at"),
        [{"a": 1, "at": 0}, {"b": 2, "at": 1}],
    ),
    "enumerate": (lambda: wrapped("a", "b").enumerate(starting_index=1), [(1, "a"), (2, "b")]),
    "rows2columnar": (
        lambda: wrapped([{"a": 1}, {"a": 2, "b": 3}]).rows2columnar(),
        [{"a": [1, 2], "b": [3]}],
    ),
    "rows2columnar of some": (
        lambda: wrapped([{"a": 1, "b": 0}, {"a": 2, "b": 3}]).rows2columnar(["a"]),
        [{"a": [1, 2]}],
    ),
    "rows2columnar of lists": (
        lambda: wrapped([[0, 1], [2, 3]]).rows2columnar(["x", "y"]),
        [{"x": [0, 2], "y": [1, 3]}],
    ),
    "max_token_bucketize": (
        lambda: wrapped(*TOKENS).max_token_bucketize(max_token_count=5),
        [["1", "1", "1", "11"], ["11", "11"], ["111"], ["111"], ["1111"]],
    ),
    "max_token_bucketize with padding": (
        lambda: wrapped(*TOKENS).max_token_bucketize(5, include_padding=True),
        [["1", "1", "1"], ["11", "11"], ["11"], ["111"], ["111"], ["1111"]],
    ),
    "max_token_bucketize in bounds": (
        lambda: MaxTokenBucketizer(wrapped(*TOKENS), 6, min_len=2, max_len=3, buffer_size=1),
        [["11", "111"], ["11", "11"], ["111"]],
    ),
    "bucketbatch": (
        lambda: wrapped(5, 1, 4, 2, 3, 0).bucketbatch(2, batch_num=2, sort_key=sorted),
        [[1, 2], [4, 5], [0, 3]],
    ),
    "mux_longest": (lambda: numbers(3).mux_longest(wrapped(7), numbers(2)), [0, 7, 0, 1, 1, 2]),
    "zip_longest": (
        lambda: numbers(3).zip_longest(wrapped("a"), numbers(2)),
        [(0, "a", 0), (1, None, 1), (2, None, None)],
    ),
    "zip_longest with a value": (
        lambda: ZipperLongest(wrapped("a"), numbers(2), fill_value=-1),
        [("a", 0), (-1, 1)],
    ),
    "zip_longest with an empty first": (
        lambda: wrapped().zip_longest(numbers(2)),
        [(None, 0), (None, 1)],
    ),
    "unzip": (lambda: wrapped((0, 10, 20), (1, 11, 21)).unzip(3)[1], [10, 11]),
    "unzip without some": (
        lambda: wrapped((0, 10, 20), (1, 11, 21)).unzip(3, columns_to_skip=[0])[1],
        [20, 21],
    ),
    "round_robin_demux": (lambda: numbers(5).round_robin_demux(2)[1], [1, 3]),
    "round_robin_demux to one": (lambda: numbers(2).round_robin_demux(1)[0], [0, 1]),
    "round_robin_demux, zipped": (
        lambda: Zipper(*numbers(5).round_robin_demux(2)),
        [(0, 1), (2, 3)],
    ),
    "zip_with_iter": (
        lambda: wrapped(*KEYED).zip_with_iter(
            wrapped(*VALUES), operator.itemgetter(0), merge_fn=lambda a, b: (*a, b[1])
        ),
        [("a", 1, 10), ("b", 2, 20), ("c", 3, 30)],
    ),
    "zip_with_iter with keys": (
        lambda: wrapped(*KEYED).zip_with_iter(
            wrapped(*VALUES), operator.itemgetter(0), ref_key_fn=lambda v: v[0], keep_key=True
        ),
        [("a", (("a", 1), ("a", 10))), ("b", (("b", 2), ("b", 20))), ("c", (("c", 3), ("c", 30)))],
    ),
    "zip_with_map": (
        lambda: wrapped(*KEYED).zip_with_map(
            SequenceWrapper({"a": 100, "b": 200, "c": 300}), operator.itemgetter(0), merged
        ),
        [("a", 101), ("b", 202), ("c", 303)],
    ),
    "zip_with_map with keys": (
        lambda: wrapped(1, 0).zip_with_map(SequenceWrapper("ab"), abs, keep_key=True),
        [(1, (1, "b")), (0, (0, "a"))],
    ),
    "prefetch": (lambda: numbers(4).prefetch(2), [0, 1, 2, 3]),
    "cycle": (lambda: numbers(2).cycle(2), [0, 1, 0, 1]),
    "cycle without end": (lambda: numbers(2).cycle().header(3), [0, 1, 0]),
    "cycle of none": (lambda: numbers(2).cycle(0), []),
    "repeat": (lambda: numbers(2).repeat(2), [0, 0, 1, 1]),
    "header": (lambda: numbers(20).header(), list(range(10))),
    "header of all": (lambda: numbers(12).header(None), list(range(12))),
    "fullsync of one rank": (lambda: numbers(3).fullsync(), [0, 1, 2]),
    "in_memory_cache": (lambda: numbers(3).in_memory_cache(), [0, 1, 2]),
    "shard_expand": (
        lambda: wrapped("ds-{08..10}.tar", "x{0..1}y{3..3}", "plain").shard_expand(),
        ["ds-08.tar", "ds-09.tar", "ds-10.tar", "x0y3", "x1y3", "plain"],
    ),
    "lines_to_paragraphs": (
        lambda: wrapped(
            ("f", "so"), ("f", "much"), ("f", ""), ("f", "upon"), ("g", "a")
        ).lines_to_paragraphs(),
        [("f", "so\nmuch"), ("f", "upon"), ("g", "a")],
    ),
    "a part of a random split": (
        lambda: numbers().random_split({"train": 0.5, "valid": 0.5}, seed=0, target="train"),
        [2, 3, 5, 7, 8],
    ),
    "the other part of it": (
        lambda: numbers().random_split(total_length=10, weights={"train": 5, "valid": 5}, seed=0)[
            1
        ],
        [0, 1, 4, 6, 9],
    ),
    "a sum of batches": (lambda: wrapped(1).batch(1) + wrapped(2), [[1], 2]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_datapipe_gives_what_the_documents_say(name: str) -> None:
    build, expected = CASES[name]
    pipe = build()

    assert list(pipe) == expected
    assert list(pipe) == expected, "a second pass"
    # What it draws at random changes nothing here, and needs a seed.
    assert list(hr.DataLoader(pipe.stream(), seed=0)) == expected, "the stream that it stands for"


@pytest.mark.parametrize("name", CASES)
def test_a_datapipe_says_its_length_or_none(name: str) -> None:
    build, expected = CASES[name]
    pipe = build()
    try:
        length = len(pipe)
    except TypeError:
        # Nobody knows before it is read.
        return
    assert length == len(expected)


def test_batches_are_chunks() -> None:
    pipe = numbers(4).batch(2)

    assert [type(batch) for batch in pipe] == [DataChunk, DataChunk]
    assert [type(batch) for batch in pipe.in_batch_shuffle()] == [DataChunk, DataChunk]


def test_a_pipe_pickles_with_what_is_before_it() -> None:
    pipe = numbers(6).map(str).zip(numbers(6).map(tens)).batch(2).prefetch()

    assert list(pickle.loads(pickle.dumps(pipe))) == list(pipe)


def test_records_are_changed_in_copies_alone() -> None:
    records = [{"x": 1}, {"x": 2}]
    pipe = IterableWrapper(records, deepcopy=False)

    assert list(pipe.map(tens, input_col="x")) == [{"x": 10}, {"x": 20}]
    assert list(pipe.add_index()) == [{"x": 1, "index": 0}, {"x": 2, "index": 1}]
    assert records == [{"x": 1}, {"x": 2}]


def test_a_wrapped_list_is_copied_for_each_pass_unless_told_otherwise() -> None:
    records = [[1], [2]]
    for record in IterableWrapper(records):
        record.append(0)
    assert records == [[1], [2]]

    for record in IterableWrapper(records, deepcopy=False):
        record.append(0)
    assert records == [[1, 0], [2, 0]]


def test_a_wrapped_generator_gives_its_records_once_and_says_so() -> None:
    pipe = IterableWrapper(n for n in range(3))

    with pytest.warns(UserWarning, match="can not be deepcopied"):
        assert list(pipe) == [0, 1, 2]


def test_header_draws_no_more_than_it_gives() -> None:
    drawn: list[int] = []

    def draw(number: int) -> int:
        drawn.append(number)
        return number

    assert list(numbers().map(draw).header(3)) == [0, 1, 2]
    assert drawn == [0, 1, 2]


def test_fullsync_of_an_endless_pipe_begins() -> None:
    assert next(iter(numbers(2).cycle().fullsync())) == 0


def test_the_mixture_of_samples_has_each_record_once_and_its_seed_decides() -> None:
    def mixed(seed: int | None) -> Pipe:
        weights = {IterableWrapper(["a"] * 30): 3, IterableWrapper(["b"] * 20): 1}
        return SampleMultiplexer(weights, seed=seed)

    once = list(mixed(seed=1))
    assert sorted(once) == ["a"] * 30 + ["b"] * 20
    assert list(mixed(seed=1)) == once != list(mixed(seed=2))
    # Under a loader the loader's seed counts, the same on every rank.
    loaders = [hr.DataLoader(mixed(None).stream(), seed=4) for _ in range(2)]
    first, second = (list(loader) for loader in loaders)
    assert first == second
    assert list(loaders[0]) != first, "another epoch"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: wrapped((1,)).drop(3), "index in the filter is not present"),
        (lambda: wrapped({"a": 1}).slice(["b"]), "index in the filter is not present"),
        (lambda: wrapped((1,)).flatten([4]), "index in the filter is not present"),
        (lambda: wrapped({"a": {"b": 1}, "b": 2}).flatten(), "insert the same key twice"),
        (lambda: wrapped(7).drop(0), "no filter was done"),
        (lambda: wrapped({"a": 1}).slice("b"), "no filter was done"),
        (
            lambda: wrapped(1, 2).zip_with_iter(wrapped(0, 1, 2), abs, buffer_size=1),
            "Buffer reaches the upper limit",
        ),
    ],
)
def test_what_is_probably_a_mistake_is_warned_of(build: Callable[[], Pipe], message: str) -> None:
    with pytest.warns(UserWarning, match=message):
        list(build())


def test_columns_and_bounds_of_a_slice_exclude_each_other() -> None:
    with pytest.warns(UserWarning, match="can't be used together"):
        assert list(wrapped((1, 2, 3)).slice([0], stop=2)) == [(1,)]
