"""What is refused, with the message that says what to do; and what is not carried over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import headrace.compat.torchdata.datapipes as datapipes
from headrace.compat.torchdata.datapipes.iter import (
    Concater,
    IterableWrapper,
    Mapper,
    MapToIterConverter,
    PinMemory,
    SampleMultiplexer,
    ZipArchiveLoader,
)
from headrace.compat.torchdata.datapipes.iter import __all__ as names
from headrace.compat.torchdata.datapipes.map import SequenceWrapper
from headrace.compat.torchdata.datapipes.utils import to_graph
from headrace.contracts.errors import ArgumentError, RecordError, StreamError

# Any, in this file: pipes of every type.


def numbers(n: int = 4) -> Any:
    return IterableWrapper(range(n))


def given(value: Any) -> Any:
    return value


async def awaited(record: Any) -> Any:
    return record


def two(one: Any, other: Any) -> Any:
    return one


def named(*, name: str) -> Any:
    return name


WHERE_IT_IS_WRITTEN: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "map of no function": (lambda: numbers().map(3), TypeError, "callable function is expected"),
    "map of too few columns": (
        lambda: numbers().map(two),
        ValueError,
        r"two takes \(one.*other.*\).*but 1 positional",
    ),
    "map of too many columns": (
        lambda: Mapper(numbers(), abs, input_col=[0, 1]),
        ValueError,
        "but 2 positional parameters",
    ),
    "map of a named argument": (lambda: numbers().map(named), ValueError, "function named takes"),
    "output_col alone": (
        lambda: numbers().map(abs, output_col=1),
        ValueError,
        "`output_col` must be None when `input_col` is None",
    ),
    "two output columns": (
        lambda: numbers().map(abs, 0, [0, 1]),
        ValueError,
        "single-element list or tuple",
    ),
    "filter of two": (lambda: numbers().filter(two), ValueError, "1 positional parameters"),
    "batch of 0": (lambda: numbers().batch(0), ValueError, "batch_size must be a whole number"),
    "map_batches of 0": (lambda: numbers().map_batches(list, 0), ValueError, "batch_size"),
    "unbatch_level of -2": (lambda: numbers().unbatch(-2), ValueError, "unbatch_level .* -1"),
    "collate by columns": (lambda: numbers().collate({"x": abs}), ValueError, "torcharrow"),
    "buffer of 0": (lambda: numbers().shuffle(buffer_size=0), ValueError, "buffer_size"),
    "flat buffer of 0": (lambda: numbers().shuffled_flatmap(buffer_size=0), ValueError, "buffer"),
    "group larger than the buffer": (
        lambda: numbers().groupby(abs, buffer_size=2, group_size=3),
        ValueError,
        "group_size must be > 0 and <= buffer_size, got 3",
    ),
    "guaranteed group without a size": (
        lambda: numbers().groupby(abs, guaranteed_group_size=2),
        ValueError,
        "guaranteed_group_size must be > 0 and <= group_size",
    ),
    "lengths out of order": (
        lambda: numbers().max_token_bucketize(5, max_len=6),
        ValueError,
        "must be equal to or greater than ``max_len``",
    ),
    "async function wanted": (
        lambda: numbers().async_map_batches(abs, 2),
        ValueError,
        "Expected a coroutine function",
    ),
    "no calls at once": (
        lambda: numbers().async_map_batches(awaited, 2, max_concurrency=0),
        ValueError,
        "max_concurrency",
    ),
    "no scheduled tasks": (
        lambda: numbers().threadpool_map(abs, scheduled_tasks=0),
        ValueError,
        "'scheduled_tasks'",
    ),
    "no workers": (lambda: numbers().threadpool_map(abs, max_workers=0), ValueError, "max_workers"),
    "an initializer of threads": (
        lambda: numbers().threadpool_map(abs, initializer=print),
        ValueError,
        "takes no initializer.*per_worker",
    ),
    "fork into none": (lambda: numbers().fork(0), ValueError, "num_instances"),
    "fork by an unknown copy": (lambda: numbers().fork(2, copy="x"), ValueError, "Unknown copy"),
    "demux into none": (lambda: numbers().demux(0, abs), ValueError, "num_instances"),
    "unzip into none": (
        lambda: numbers().unzip(1, columns_to_skip=[0]),
        ValueError,
        "All instances are being filtered out",
    ),
    "zip of no pipe": (lambda: numbers().zip([1]), TypeError, "required to be `IterDataPipe`"),
    "concat of nothing": (Concater, TypeError, "Concater joins pipes, got none"),
    "zip_with_iter of a map": (
        lambda: numbers().zip_with_iter(SequenceWrapper("a"), abs),
        TypeError,
        "ref_datapipe must be a IterDataPipe",
    ),
    "zip_with_map of an iterable": (
        lambda: numbers().zip_with_map(numbers(), abs),
        TypeError,
        "map_datapipe must be a MapDataPipe",
    ),
    "zip buffer of 0": (
        lambda: numbers().zip_with_iter(numbers(), abs, buffer_size=0),
        ValueError,
        "'buffer_size'",
    ),
    "no weights": (lambda: SampleMultiplexer({}), ValueError, "positive and non-zero weight"),
    "a weight of 0": (
        lambda: SampleMultiplexer({numbers(): 0}),
        ValueError,
        r"positive and non-zero weight for each, got \[0\]",
    ),
    "a split of unknown length": (
        lambda: numbers().filter(bool).random_split({"a": 1}, seed=0),
        TypeError,
        "needs `total_length`",
    ),
    "a split without a seed": (
        lambda: numbers().random_split({"a": 1, "b": 1}, seed=None),
        ValueError,
        "random_split needs a seed, got None",
    ),
    "a split that loses its seed": (
        lambda: numbers().random_split({"a": 1}, seed=0)[0].override_seed(None),
        ValueError,
        "random_split needs a seed, got None",
    ),
    "a split of more than it was told": (
        lambda: list(numbers().random_split({"a": 1, "b": 1}, seed=0, total_length=2)[0]),
        TypeError,
        "random_split read more records than total_length=2",
    ),
    "a split without the target": (
        lambda: numbers().random_split({"a": 1}, seed=0, target="b"),
        KeyError,
        "`target=b` does not match any key in `weights`.*'a'",
    ),
    "prefetch of 0": (lambda: numbers().prefetch(0), ValueError, "'buffer_size'"),
    "cycle of -1": (lambda: numbers().cycle(-1), ValueError, "count must be"),
    "repeat of 1": (lambda: numbers().repeat(1), ValueError, "number of repetition"),
    "header of -1": (lambda: numbers().header(-1), ValueError, "limit must be"),
    "set_length of -1": (lambda: numbers().set_length(-1), ValueError, "length must be"),
    "fullsync in no time": (lambda: numbers().fullsync(0), ValueError, "'timeout' is required"),
    "cache of 0": (lambda: numbers().in_memory_cache(0), ValueError, "size must be"),
    "two functions of paths": (
        lambda: numbers().on_disk_cache(str).end_caching(filepath_fn=str, same_filepath_fn=True),
        ValueError,
        "mutually exclusive",
    ),
    "an unknown hash": (lambda: numbers().check_hash({}, "crc"), ValueError, "Invalid hash_type"),
    "an unknown mode": (lambda: numbers().open_files("w"), ValueError, "Invalid mode 'w'"),
    "bytes with an encoding": (
        lambda: numbers().open_files("rb", encoding="utf-8"),
        ValueError,
        "binary mode doesn't take an encoding",
    ),
    "lines left out by -1": (lambda: numbers().readlines(skip_lines=-1), ValueError, "skip_lines"),
    "an unknown compression": (
        lambda: numbers().decompress("rar"),
        ValueError,
        "'rar' is not a valid CompressionType",
    ),
    "a dtype of torcharrow": (
        lambda: numbers().load_parquet_as_df(dtype=int),
        ValueError,
        "torcharrow's, which is no more",
    ),
    "a mode that writes by fsspec": (
        lambda: numbers().open_files_by_fsspec("wb"),
        ValueError,
        "opened to be read, got the mode 'wb'",
    ),
    "options of open by fsspec": (
        lambda: numbers().save_by_fsspec(kwargs_for_open={"compression": "gzip"}),
        ValueError,
        "written whole, got the options",
    ),
    "dispatch among ranks": (
        lambda: numbers().sharding_round_robin_dispatch(),
        NotImplementedError,
        "only supports `SHARDING_PRIORITIES.MULTIPROCESSING`",
    ),
    "a share that is none": (
        lambda: numbers().sharding_filter().apply_sharding(2, 2),
        ValueError,
        r"instance_id\(2\) should be smaller",
    ),
    "a MapDataPipe wanted": (
        lambda: MapToIterConverter(numbers()),
        TypeError,
        "can only apply on MapDataPipe",
    ),
    "an IterDataPipe wanted": (
        lambda: datapipes.map.IterToMapConverter(given(SequenceWrapper("a"))),
        TypeError,
        "can only apply on IterDataPipe",
    ),
    "an index behind the last": (
        lambda: SequenceWrapper("ab").batch(2)[1],
        IndexError,
        "Index 1 is out of bound",
    ),
    "an index in no pipe": (
        lambda: SequenceWrapper("ab").concat(SequenceWrapper("c"))[3],
        IndexError,
        "Index 3 is out of range: 3 records",
    ),
    "a key that never came": (
        lambda: IterableWrapper([("a", 1)]).to_map_datapipe()["b"],
        IndexError,
        "Index 'b' is invalid for IterToMapConverter",
    ),
    "a record that is no pair": (
        lambda: numbers().to_map_datapipe()[0],
        ValueError,
        "has to be of length 2",
    ),
}

WHEN_IT_IS_READ: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "filter by what is no bool": (
        lambda: numbers().filter(str),
        ValueError,
        "Boolean output is required for `filter_fn`, got '0'",
    ),
    "unbatch too deep": (
        lambda: numbers().batch(2).unbatch(2),
        RecordError,
        "unbatch_level 2 exceeds the depth",
    ),
    "groups that stay too small": (
        lambda: numbers(9).groupby(abs, buffer_size=3, group_size=2),
        StreamError,
        "Failed to group items",
    ),
    "demux to no branch": (lambda: numbers().demux(2, abs)[0], ValueError, "from 0 to 1"),
    "demux to none": (
        lambda: numbers().demux(2, lambda _: None)[0],
        ValueError,
        "got None for 0. Pass drop_none=True",
    ),
    "a key of nobody": (
        lambda: numbers().zip_with_iter(numbers(1), abs),
        BufferError,
        "No matching key can be found",
    ),
    "a key of two": (
        lambda: IterableWrapper([2]).zip_with_iter(IterableWrapper([1, 1, 2]), abs),
        ValueError,
        "Duplicate key is found in reference DataPipe: 1",
    ),
    "a key of no index": (
        lambda: numbers().zip_with_map(SequenceWrapper("ab"), abs),
        KeyError,
        "key_fn maps 2 to 2, which is not a valid key",
    ),
    "an index for no dict": (
        lambda: numbers().add_index(),
        NotImplementedError,
        "only support adding index to row or batch in dict type, got int",
    ),
    "more columns than names": (
        lambda: IterableWrapper([[[1, 2]]]).rows2columnar(["x"]),
        RecordError,
        "a row of 2 columns has 1 column_names",
    ),
    "a path that is no text": (lambda: numbers().open_files(), RecordError, "string type for path"),
    "no pair to unpack": (
        lambda: ZipArchiveLoader(numbers()),
        RecordError,
        "pathname binary data should be tuple",
    ),
    "no name to group by": (
        lambda: IterableWrapper([(1, "x")]).webdataset(),
        RecordError,
        "pairs of a path and its content, got 1",
    ),
    "a name without a kind": (
        lambda: IterableWrapper([("x.rar", None)]).decompress(),
        RecordError,
        "does not match what are supported",
    ),
    "a range that falls": (
        lambda: IterableWrapper(["x{2..1}"]).shard_expand(),
        ValueError,
        "bad range in shard spec 'x{2..1}'",
    ),
    "a range of two widths": (
        lambda: IterableWrapper(["x{08..010}"]).shard_expand(),
        ValueError,
        "bad range",
    ),
    "no such folder": (
        lambda: IterableWrapper(["/no/such/folder"]).list_files(),
        FileNotFoundError,
        "/no/such/folder",
    ),
}

LEFT_OUT = [
    "list_files_by_iopath",
    "open_files_by_iopath",
    "save_by_iopath",
    "list_files_by_ais",
    "load_files_by_ais",
    "load_from_rar",
    "read_from_gdrive",
    "dataframe",
    "routed_decode",
]


@pytest.mark.parametrize("name", WHERE_IT_IS_WRITTEN)
def test_bad_arguments_are_refused_where_they_are_written(name: str) -> None:
    build, error, message = WHERE_IT_IS_WRITTEN[name]

    with pytest.raises(error, match=message):
        build()


@pytest.mark.parametrize("name", WHEN_IT_IS_READ)
def test_bad_records_are_refused_when_they_are_read(name: str) -> None:
    build, error, message = WHEN_IT_IS_READ[name]
    pipe = build()

    with pytest.raises(error, match=message):
        list(pipe)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_not_carried_over_says_what_to_do(name: str) -> None:
    with pytest.raises(StreamError, match=f"{name} is not carried over from torchdata.*"):
        getattr(numbers(), name)()


def test_samplers_and_drawings_are_not_carried_over() -> None:
    with pytest.raises(StreamError, match="Sampler is not carried over.*from_sequence"):
        datapipes.iter.Sampler(numbers())
    with pytest.raises(StreamError, match=r"to_graph is not carried over.*explain\(\)"):
        to_graph(numbers())


def test_pinning_without_cuda_is_refused() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        return
    with pytest.raises(ArgumentError, match="only be used when CUDA is available"):
        PinMemory(numbers())


def test_lengths_that_nobody_knows_are_said_to_be_so(tmp_path: Path) -> None:
    unknown = IterableWrapper(n for n in range(2))
    for pipe in (unknown, IterableWrapper([str(tmp_path)]).list_files(), ZipArchiveLoader([])):
        with pytest.raises(TypeError, match="doesn't have valid length.*set_length"):
            len(pipe)
    assert len(unknown.set_length(2)) == 2
    assert len(ZipArchiveLoader([], length=7)) == 7
    with pytest.raises(TypeError, match="cannot be known in advance"):
        len(numbers().random_split({"a": 0.7, "b": 0.3}, seed=0)[0])


def test_all_names_of_the_original_are_there() -> None:
    original = pytest.importorskip("torch.utils.data.datapipes.iter")

    assert set(original.__all__) <= set(names)
    assert list(names) == sorted(names)
    for name in names:
        assert getattr(datapipes.iter, name).__name__ == name
