"""Each DataPipe whose original is in torch gives what the original gives."""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import headrace.compat.torchdata.datapipes as ours

# Any, in this file: the same code runs on pipes of two libraries.
Build = Callable[[Any, Any], Any]
WORDS = ["so", "much", "depends", "upon", "a", "red", "wheel", "barrow"]
PAIRS = [(n, n * n, str(n)) for n in range(7)]
DICTS = [{"x": n, "y": -n} for n in range(4)]


def numbers(iter_: Any, n: int = 10) -> Any:
    return iter_.IterableWrapper(range(n))


ITER: dict[str, Build] = {
    "IterableWrapper of a list": lambda it, _: it.IterableWrapper([3, 1, 2]),
    "IterableWrapper of a tuple": lambda it, _: it.IterableWrapper((3, 1)),
    "IterableWrapper of a text": lambda it, _: it.IterableWrapper("abc"),
    "IterableWrapper of a dict": lambda it, _: it.IterableWrapper({"a": 1, "b": 2}),
    "IterableWrapper of a set": lambda it, _: it.IterableWrapper({7}),
    "IterableWrapper of arrays' tuples": lambda it, _: it.IterableWrapper([[1, 2], [3]]),
    "map": lambda it, _: numbers(it).map(str),
    "map of a column": lambda it, _: it.IterableWrapper(PAIRS).map(str, input_col=0),
    "map of the last column": lambda it, _: it.IterableWrapper(PAIRS).map(len, input_col=-1),
    "map of columns": lambda it, _: it.IterableWrapper(PAIRS).map(operator.add, input_col=[0, 1]),
    "map of columns, the later first": lambda it, _: it.IterableWrapper(PAIRS).map(
        operator.sub, input_col=[1, 0]
    ),
    "map to a column": lambda it, _: it.IterableWrapper(PAIRS).map(
        str, input_col=0, output_col=[2]
    ),
    "map to a new last column": lambda it, _: it.IterableWrapper(PAIRS).map(
        operator.add, input_col=(0, 1), output_col=-1
    ),
    "map of lists' columns": lambda it, _: it.IterableWrapper([[1, 2], [3, 4]]).map(
        operator.add, input_col=[0, 1]
    ),
    "map of dicts' columns": lambda it, _: it.IterableWrapper(DICTS).map(
        operator.add, input_col=["x", "y"], output_col="sum"
    ),
    "map over dicts' columns": lambda it, _: it.IterableWrapper(DICTS).map(
        operator.sub, input_col=["x", "y"]
    ),
    "filter": lambda it, _: numbers(it).filter(lambda n: n % 3 == 0),
    "filter of a column": lambda it, _: it.IterableWrapper(PAIRS).filter(
        lambda n: n > 9, input_col=1
    ),
    "filter of columns": lambda it, _: it.IterableWrapper(PAIRS).filter(
        operator.lt, input_col=[0, 1]
    ),
    "batch": lambda it, _: numbers(it).batch(4),
    "batch without a rest": lambda it, _: numbers(it).batch(4, drop_last=True),
    "batch as tuples": lambda it, _: numbers(it).batch(3, wrapper_class=tuple),
    "batch of batches": lambda it, _: numbers(it).batch(2).batch(2),
    "unbatch": lambda it, _: numbers(it).batch(4).unbatch(),
    "unbatch of two levels": lambda it, _: numbers(it).batch(2).batch(2).unbatch(unbatch_level=2),
    "unbatch of one of two levels": lambda it, _: numbers(it).batch(2).batch(2).unbatch(),
    "unbatch of all levels": lambda it, _: it.IterableWrapper([1, [2, [3, [4]]]]).unbatch(-1),
    "unbatch of no level": lambda it, _: numbers(it).batch(4).unbatch(0),
    "collate by a function": lambda it, _: numbers(it).batch(3).collate(collate_fn=sum),
    "collate by the conversion": lambda it, _: numbers(it).batch(3).collate(max),
    "groupby": lambda it, _: it.IterableWrapper(WORDS).groupby(len),
    "groupby with keys": lambda it, _: it.IterableWrapper(WORDS).groupby(len, keep_key=True),
    "groupby of sized groups": lambda it, _: it.IterableWrapper(WORDS * 3).groupby(
        len, buffer_size=20, group_size=3
    ),
    "groupby with a full buffer": lambda it, _: it.IterableWrapper(WORDS * 3).groupby(
        len, buffer_size=9, group_size=4, guaranteed_group_size=2
    ),
    "groupby that drops": lambda it, _: it.IterableWrapper(WORDS * 3).groupby(
        lambda word: word, buffer_size=4, group_size=3, drop_remaining=True
    ),
    "zip": lambda it, _: numbers(it, 4).zip(it.IterableWrapper(WORDS)),
    "zip of three": lambda it, _: numbers(it).zip(numbers(it, 3), it.IterableWrapper(WORDS)),
    "concat": lambda it, _: numbers(it, 3).concat(it.IterableWrapper(WORDS)),
    "a sum": lambda it, _: numbers(it, 3) + it.IterableWrapper(WORDS),
    "mux": lambda it, _: numbers(it, 3).mux(it.IterableWrapper(WORDS), numbers(it, 5)),
    "mux that ends within a round": lambda it, _: numbers(it, 5).mux(numbers(it, 3)),
    "a fork, zipped": lambda it, _: it.Zipper(*numbers(it).fork(2)),
    "a fork of copies": lambda it, _: it.Zipper(*it.IterableWrapper([[1]]).fork(2, copy="deep")),
    "the last of a demux": lambda it, _: numbers(it).demux(3, lambda n: n % 3)[2],
    "a demux without some": lambda it, _: numbers(it).demux(
        2, lambda n: None if n == 4 else n % 2, drop_none=True
    )[0],
    "a share of a sharding": lambda it, _: shared(numbers(it).sharding_filter(), 3, 1),
    "a share of a filter's": lambda it, _: shared(
        numbers(it, 20).filter(lambda n: n % 2 == 0).sharding_filter(), 4, 3
    ),
    "a shuffle that is off": lambda it, _: numbers(it).shuffle().set_shuffle(False),
    "to_iter_datapipe": lambda it, mp: it.IterableWrapper(
        list(mp.SequenceWrapper(WORDS).map(len).batch(3).shuffle(indices=[0]))
    ),
}
MAP: dict[str, Build] = {
    "SequenceWrapper": lambda _, mp: mp.SequenceWrapper(WORDS),
    "map": lambda _, mp: mp.SequenceWrapper(WORDS).map(len),
    "map by nothing": lambda _, mp: mp.SequenceWrapper(WORDS).map(),
    "batch": lambda _, mp: mp.SequenceWrapper(WORDS).batch(3),
    "batch without a rest": lambda _, mp: mp.SequenceWrapper(WORDS).batch(3, drop_last=True),
    "zip": lambda _, mp: mp.SequenceWrapper(WORDS).zip(mp.SequenceWrapper(range(5))),
    "concat": lambda _, mp: mp.SequenceWrapper(WORDS).concat(mp.SequenceWrapper(range(3))),
}


def shared(pipe: Any, of: int, which: int) -> Any:
    pipe.apply_sharding(of, which)
    return pipe


@pytest.mark.parametrize("name", ITER)
def test_an_iter_datapipe_gives_what_the_original_gives(name: str) -> None:
    theirs = pytest.importorskip("torch.utils.data.datapipes")

    expected = ITER[name](theirs.iter, theirs.map)
    pipe = ITER[name](ours.iter, ours.map)

    assert list(pipe) == list(expected)
    assert list(pipe) == list(expected), "a second pass"


@pytest.mark.parametrize("name", ITER)
def test_the_length_is_what_the_original_says(name: str) -> None:
    theirs = pytest.importorskip("torch.utils.data.datapipes")

    pipe = ITER[name](ours.iter, ours.map)
    try:
        expected = len(ITER[name](theirs.iter, theirs.map))
    except (TypeError, NotImplementedError):
        # We may know one where the original does not.
        return
    assert len(pipe) == expected == len(list(pipe))


@pytest.mark.parametrize("name", MAP)
def test_a_map_datapipe_gives_what_the_original_gives(name: str) -> None:
    theirs = pytest.importorskip("torch.utils.data.datapipes")

    expected = MAP[name](theirs.iter, theirs.map)
    pipe = MAP[name](ours.iter, ours.map)

    assert [pipe[at] for at in range(len(pipe))] == [expected[at] for at in range(len(expected))]
    assert list(pipe.to_iter_datapipe()) == [pipe[at] for at in range(len(pipe))]
    with pytest.raises(IndexError):
        pipe[len(pipe)]


@pytest.mark.parametrize("recursive", [True, False])
@pytest.mark.parametrize("masks", ["", "*.txt", ["*.txt", "b*"]])
def test_files_are_listed_as_the_original_lists_them(
    tmp_path: Path, masks: Any, recursive: bool
) -> None:
    theirs = pytest.importorskip("torch.utils.data.datapipes")
    for name in ["b.bin", "a.txt", "sub/c.txt", "sub/deep/d.txt", "asub/e.txt"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    places: Any = [str(tmp_path), str(tmp_path / "a.txt")]

    expected = theirs.iter.FileLister(places, masks, recursive=recursive)
    assert list(ours.iter.FileLister(places, masks, recursive=recursive)) == list(expected)
    wrapped = ours.iter.IterableWrapper(places).list_files(masks, recursive=recursive)
    assert list(wrapped) == list(expected)


@pytest.mark.parametrize("mode", ["r", "rb", "b", "t"])
def test_files_are_opened_as_the_original_opens_them(tmp_path: Path, mode: str) -> None:
    theirs = pytest.importorskip("torch.utils.data.datapipes")
    paths = [str(tmp_path / name) for name in "ba"]
    for path in paths:
        Path(path).write_text(f"{path}\nso much", encoding="utf-8")

    def read(iter_: Any) -> list[Any]:
        opened = iter_.IterableWrapper(paths).open_files(mode=mode)
        return [(path, file.read()) for path, file in opened]

    assert read(ours.iter) == read(theirs.iter)
    chunks = ours.iter.FileOpener(paths, mode="rb").read_from_stream(chunk=4)
    expected = theirs.iter.FileOpener(paths, mode="rb").read_from_stream(chunk=4)
    assert list(chunks) == list(expected)


def test_a_default_collate_gives_tensors_as_the_original_does() -> None:
    theirs = pytest.importorskip("torch.utils.data.datapipes")

    (batch,) = ours.iter.IterableWrapper(DICTS).batch(4).collate()
    (expected,) = theirs.iter.IterableWrapper(DICTS).batch(4).collate()

    assert {name: column.tolist() for name, column in batch.items()} == {
        name: column.tolist() for name, column in expected.items()
    }
    assert type(batch["x"]) is type(expected["x"])
