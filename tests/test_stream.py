"""Stream: a lazy description, its epochs, its length, and how it is drawn."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Kernel
from headrace.contracts.errors import ArgumentError, RecordError, StreamError
from headrace.sources import ArrayRecords, SequenceRecords

# Any, in this file: records of every type.


def same(x: Any) -> Any:
    return x


def test_nothing_runs_before_it_is_read() -> None:
    calls: list[int] = []
    stream = hr.stream([1, 2, 3]).tap(calls.append)
    records = iter(stream)
    assert calls == []
    assert next(records) == 1
    assert calls == [1]


def test_each_pass_begins_anew() -> None:
    stream = hr.stream(lambda: iter([1, 2])).map(str)
    assert [list(stream), list(stream)] == [["1", "2"]] * 2


def test_a_stream_is_not_changed_by_its_methods() -> None:
    stream = hr.stream([1, 2, 3])
    stream.map(str).take(1)
    assert stream.collect() == [1, 2, 3]


def test_leaving_a_pass_closes_the_generator_behind_it() -> None:
    ended = threading.Event()

    def records() -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            ended.set()

    for _ in hr.stream(records).map(same):
        break
    assert ended.is_set()


def test_a_stream_of_a_stream_is_the_stream() -> None:
    stream = hr.stream([1, 2, 3]).filter(lambda x: x > 1)
    assert hr.stream(stream).collect() == [2, 3]
    assert hr.stream(stream.map(str)).batch(2, collate="list").collect() == [["2", "3"]]


def test_a_stream_of_a_dataref_is_shuffled_anew_each_epoch() -> None:
    ref: Any = hr.DataRef.from_sequence(range(20)).shuffle(seed=1)
    for epoch in range(3):
        expected = ref.stream().epoch(epoch).collect()
        assert hr.stream(ref).epoch(epoch).collect() == expected


@pytest.mark.parametrize("source", [range(4), [0, 1, 2, 3], (0, 1, 2, 3), np.arange(4)])
def test_sequences_have_random_access(source: Any) -> None:
    stream = hr.stream(source)
    assert len(stream) == 4
    assert [int(x) for x in stream.skip(2)] == [2, 3]
    assert "order" in stream.explain()


def test_sets_and_generators_are_drawn() -> None:
    assert sorted(hr.stream({3, 1})) == [1, 3]
    assert len(hr.stream({3, 1}).batch(2)) == 1
    with pytest.raises(StreamError, match="not known: its source does not know its length"):
        len(hr.stream(x for x in range(3)))


@pytest.mark.parametrize("source", [5, None, "text", b"bytes"])
def test_what_is_no_source_is_refused(source: Any) -> None:
    with pytest.raises(ArgumentError, match="no (known )?source of records"):
        hr.stream(source)


def test_files_of_a_folder_come_sorted(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"2")
    (tmp_path / "a").write_bytes(b"1")
    found = hr.from_files(tmp_path).collect()
    assert found == [{"path": "a", "bytes": b"1"}, {"path": "b", "bytes": b"2"}]
    with pytest.raises(
        ArgumentError, match="a file or folder was expected, got .*none': nothing is there"
    ):
        hr.from_files(tmp_path / "none")


def test_join_counts_and_runs_for_effect() -> None:
    calls: list[int] = []
    assert hr.stream(range(5)).tap(calls.append).filter(bool).join() == 4
    assert calls == [0, 1, 2, 3, 4]


def test_a_negative_epoch_is_refused() -> None:
    with pytest.raises(ArgumentError, match="epoch must be .* got -1. Epochs are counted from 0"):
        hr.stream([1]).epoch(-1)


def test_a_stage_without_an_ability_is_refused_where_it_is_written() -> None:
    class Nothing:
        def __str__(self) -> str:
            return "nothing(1)"

        def length(self, before: int | None) -> int | None:
            return before

    with pytest.raises(StreamError, match=r"nothing\(1\) cannot stand here: it neither reorders"):
        hr.stream([1]).apply(Nothing())


def test_apply_adds_a_stage_of_ones_own() -> None:
    class Negated:
        def __str__(self) -> str:
            return "negated"

        def length(self, before: int | None) -> int | None:
            return before

        @property
        def kernel(self) -> Kernel:
            return Kernel("map", lambda x: -x, "negated")

    stream = hr.stream([1, 2]).apply(Negated())
    assert stream.collect() == [-1, -2]
    assert len(stream) == 2
    assert repr(stream) == "Stream(range(2) | negated)"


class Forgetful:
    """Records whose `read` gives too few."""

    def __len__(self) -> int:
        return 10

    def read(self, indices: Any) -> list[int]:
        return [int(index) for index in indices if index != 7]


@pytest.mark.parametrize("backend", [hr.Inline(), hr.Threads(1)])
def test_records_that_a_source_leaves_out_are_not_lost_in_silence(backend: Any) -> None:
    stream = hr.DataRef(Forgetful()).stream().batch(5, collate="list")
    with hr.DataLoader(stream, backend=backend) as loader:
        iterator = iter(loader)
        assert next(iterator) == [0, 1, 2, 3, 4]
        with pytest.raises(RecordError, match="Forgetful.read gave 4 records for 5 indices. It mu"):
            next(iterator)


def test_explain_draws_what_became_of_each_stage() -> None:
    stream = hr.stream(range(100)).map(abs).take(10).batch(4)
    assert (
        stream.explain()
        == """\
stream over range[100]
├─ range(100)                                order              100
├─ map(abs)                                  task               100
├─ take(10)                                  order               10
└─ batch(4, drop_last=False, collate=stack)  task                 3

order     arithmetic on positions, nothing is read for it
task      runs on the backend's workers
unit      4 positions: a task is a run of whole units
ahead     up to 16,384 records in one read; on workers, the tasks in flight"""
    )


def made() -> Iterator[int]:
    return iter([1])


def test_explain_warns_of_a_function_after_a_batch_in_the_consumer() -> None:
    stream = hr.stream(made).filter(bool).batch(4).map(same)
    assert (
        stream.explain()
        == """\
stream over drawn from made
├─ drawn                                     source         unknown
├─ filter(bool)                              task           unknown
├─ batch(4, drop_last=False, collate=stack)  consumer       unknown
└─ map(same)                                 consumer       unknown

task      runs on the backend's workers
consumer  runs in the thread that iterates
unit      1 position: a task is a run of whole units
ahead     nothing; on workers, the tasks in flight
resume    draws and drops what was delivered: no random access
warning   map(same) runs in the consumer, after batch(4, drop_last=False, collate=stack)"""
    )


def test_explain_names_whole_chains_and_endless_streams() -> None:
    drawing = hr.stream([1, 2]).filter(bool).repeat().batch(2).explain().splitlines()
    assert [line.split()[-2:] for line in drawing[1:5]] == [
        ["order", "2"],
        ["task", "unknown"],
        ["chains", "endless"],
        ["consumer", "endless"],
    ]
    assert "chains    reads whole chains beside the consumer" in drawing


def test_a_notebook_shows_the_same_drawing_escaped() -> None:
    html = hr.stream([1]).map(lambda x: x)._repr_html_()
    assert html.startswith("<pre>stream over list[1]")
    assert "&lt;lambda&gt;" in html


def test_an_epoch_may_be_a_numpy_integer() -> None:
    stream = hr.DataRef.from_sequence(range(10)).shuffle(seed=7).stream()
    assert stream.epoch(np.int64(3)).collect() == stream.epoch(3).collect()


def test_to_torch_gives_tensors() -> None:
    torch = pytest.importorskip("torch")
    batch = hr.stream({"x": np.arange(4)}).batch(2).to_torch().collect()[1]
    assert torch.equal(batch["x"], torch.tensor([2, 3]))


def test_a_stream_is_submitted_in_blocks_as_they_come() -> None:
    columns = hr.DataRef(ArrayRecords({"x": np.arange(5000)})).shuffle(seed=7)
    stream = columns.stream().epoch(2)
    blocks = list(stream.as_source().blocks(0))  # type: ignore[attr-defined]

    assert all(isinstance(block, hr.Columns) for block in blocks)
    assert len(blocks) < 60
    assert [record["x"] for block in blocks for record in block] == [r["x"] for r in stream]


def test_a_stream_without_stages_says_what_its_source_says() -> None:
    class Told(SequenceRecords[int]):
        origin: ClassVar = {"kind": "told"}

    source = hr.stream(Told(range(3)))
    assert source.as_source().origin == {"kind": "told"}  # type: ignore[attr-defined]
    assert source.map(abs).as_source().origin == {}  # type: ignore[attr-defined]
    assert source.skip(1).as_source().origin == {}  # type: ignore[attr-defined]
