"""DataRef: random access, orders that compose, and the stream over them."""

from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Columns, rows
from headrace.contracts.errors import ArgumentError, StreamError
from headrace.testing import check_records, repr_of

# Any, in this file: records of every type.


class Squares:
    """All that a dataset of one's own needs."""

    def __init__(self, size: int = 10) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def read(self, indices: Any) -> list[int]:
        return [int(index) ** 2 for index in indices]


def numbers(size: int = 10) -> hr.DataRef[int]:
    return hr.DataRef.from_sequence(range(size))


def test_records_of_ones_own_need_a_length_and_read_only() -> None:
    check_records(Squares(), [k * k for k in range(10)])
    ref = hr.DataRef(Squares())
    assert (len(ref), ref[3], ref[-1]) == (10, 9, 81)
    assert repr(ref) == "DataRef(Squares[10], range(10), 10 records)"


def test_slices_select_and_shards_compose_like_lists() -> None:
    plain = list(range(10))
    ref = numbers()
    for cut in (slice(2, 7), slice(None, -3), slice(-4, None), slice(1, 9, 3), slice(7, 2)):
        assert ref[cut].stream().collect() == plain[cut]
    assert ref[2:8][1:3].stream().collect() == plain[2:8][1:3]
    assert ref.select([3, 3, -1]).stream().collect() == [3, 3, 9]
    assert ref.select([5, 6, 7]).shard(1, 2).stream().collect() == [6]
    assert ref.shard(1, 3)[1:].stream().collect() == [4, 7]


def test_repeat_and_concat_reshuffle_each_pass() -> None:
    ref = numbers(5).shuffle(seed=1)
    passes = [ref.stream().epoch(epoch).collect() for epoch in range(4)]
    assert ref.repeat(2).stream().epoch(1).collect() == passes[2] + passes[3]
    both = hr.concat([ref, numbers(3)])
    assert len(both) == 8
    assert both.stream().epoch(1).collect() == passes[1] + [0, 1, 2]
    assert both.read([7, 0]) == [2, passes[0][0]]


def test_an_endless_repeat_has_no_length_until_it_is_cut() -> None:
    ref = numbers(3).repeat(None)
    with pytest.raises(StreamError, match=r"repeats without end. Slice it: ref\[:n\]"):
        len(ref)
    assert ref[:5].stream().collect() == [0, 1, 2, 0, 1]
    assert ref[100] == 1


@pytest.mark.parametrize(("kind", "window"), [("global", None), ("nearby", 3), ("blocks", 4)])
def test_each_kind_of_shuffle_visits_all_in_another_order_each_epoch(
    kind: Any, window: int | None
) -> None:
    stream = numbers(50).shuffle(3, kind, window).stream()
    epochs = [stream.epoch(epoch).collect() for epoch in range(2)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(50))] * 2
    assert epochs[0] != epochs[1] != list(range(50))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((float("nan"),), "a seed must be a whole number of at most 64 bits, got nan"),
        ((7, "globl"), "globl"),
        ((7, "nearby", 0), "window"),
        ((7, "blocks", -1), "window"),
    ],
)
def test_a_shuffle_with_bad_arguments_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        numbers().shuffle(*arguments)


@pytest.mark.parametrize(
    ("remainder", "parts"),
    [
        ("keep", [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]),
        ("drop", [[0, 3, 6], [1, 4, 7], [2, 5, 8]]),
        ("pad", [[0, 3, 6, 9], [1, 4, 7, 0], [2, 5, 8, 1]]),
    ],
)
def test_remainders_are_kept_dropped_or_padded(remainder: Any, parts: list[list[int]]) -> None:
    ref = numbers()
    assert [ref.shard(r, 3, remainder).stream().collect() for r in range(3)] == parts


def test_splits_are_disjoint_and_stay_the_same_in_every_epoch() -> None:
    ref = numbers(40).shuffle(seed=3)
    train, rest = ref.split([0.75, 0.25], seed=1)
    sets = [{frozenset(part.stream().epoch(e)) for e in range(3)} for part in (train, rest)]
    assert [len(one) for one in sets] == [1, 1]
    first, second = (next(iter(one)) for one in sets)
    assert (len(first), len(second), len(first | second)) == (30, 10, 40)
    assert set(train[:5].stream()) <= first
    with pytest.raises(ArgumentError, match="fractions"):
        ref.split([0.9, 0.2], seed=1)


def test_arrays_are_gathered_into_columns_in_the_order_asked() -> None:
    ref = hr.DataRef(hr.stream({"x": np.arange(12).reshape(6, 2)}).node.source.records)  # type: ignore[union-attr]
    block = ref.read([4, 0, 4, -1])
    assert isinstance(block, Columns)
    assert block.stack()["x"].tolist() == [[8, 9], [0, 1], [8, 9], [10, 11]]
    assert repr_of(ref[4]) == repr_of({"x": np.array([8, 9])})
    assert len(ref.read([])) == 0


@pytest.mark.parametrize("indices", [[10], [-11], [0, 3, 99]])
def test_positions_outside_are_index_errors_that_name_one(indices: list[int]) -> None:
    for ask in (numbers().read, numbers().select):
        with pytest.raises(IndexError, match=r"record (10|-11|99) was asked of a DataRef of 10 r"):
            ask(indices)


@pytest.mark.parametrize("indices", [[1.5], [True, False], ["a"], 3, [[1, 2]]])
def test_what_is_no_run_of_positions_is_refused(indices: Any) -> None:
    with pytest.raises(ArgumentError, match="positions must be a run of whole numbers, got .* ref"):
        numbers().read(indices)


def test_a_slice_backwards_names_select() -> None:
    with pytest.raises(ArgumentError, match=r"the step of a slice must be .* got -1. Use .select"):
        numbers()[::-1]


def test_the_sequence_protocol_ends_a_plain_loop() -> None:
    assert list(numbers(4)) == [0, 1, 2, 3]  # type: ignore[call-overload]


def test_a_dataref_is_a_data_source_for_grain() -> None:
    grain = pytest.importorskip("grain.python")
    ref = hr.DataRef.from_sequence(range(20)).shuffle(seed=7)
    assert isinstance(ref, grain.RandomAccessDataSource)
    dataset = grain.MapDataset.source(ref).map(lambda x: x + 100).batch(4)
    found = [number for batch in dataset for number in batch.tolist()]
    assert found == [number + 100 for number in ref.stream()]


def test_a_dataref_is_a_map_style_dataset_for_torch() -> None:
    torch = pytest.importorskip("torch")
    ref = hr.DataRef.from_sequence([(np.float32(k), k) for k in range(10)]).shuffle(seed=2)
    loader: Any = torch.utils.data.DataLoader(ref, batch_size=4)
    found = torch.cat([numbers for _, numbers in loader]).tolist()
    assert found == [k for _, k in ref.stream()]


class AskedAtOnce:
    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> int:
        raise AssertionError("asked one by one")

    def __getitems__(self, indices: list[int]) -> list[int]:
        self.asked.append(indices)
        return indices


def test_a_sequence_that_gives_several_at_once_is_asked_so() -> None:
    sequence = AskedAtOnce()
    assert hr.DataRef.from_sequence(sequence).read([3, 1]) == [3, 1]
    assert sequence.asked == [[3, 1]]


# -- the stream over it: YogaDL's arguments ----------------------------------------------------


def test_the_arguments_of_stream_shuffle_first_and_shard_after() -> None:
    ref = numbers(11)
    whole = ref.stream(shuffle=True, shuffle_seed=5)
    parts = [ref.stream(shuffle=True, shuffle_seed=5, shard_rank=r, num_shards=2) for r in range(2)]
    for epoch in range(2):
        order = whole.epoch(epoch).collect()
        assert [part.epoch(epoch).collect() for part in parts] == [order[::2], order[1::2]]
    assert whole.epoch(0).collect() != whole.epoch(1).collect()


def test_the_shuffle_can_be_the_same_in_each_epoch() -> None:
    stream = numbers().stream(shuffle=True, shuffle_seed=5, skip_shuffle_at_epoch_end=True)
    assert stream.epoch(0).collect() == stream.epoch(3).collect() != list(range(10))


def test_an_offset_counts_the_records_of_this_rank_and_applies_once() -> None:
    stream = numbers().stream(start_offset=2, shard_rank=1, num_shards=2)
    loader = hr.DataLoader(stream)
    assert [list(loader), list(loader)] == [[5, 7, 9], [1, 3, 5, 7, 9]]
    assert numbers().stream(start_offset=3).take(4).skip(1).collect() == [4, 5, 6]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shuffle": True}, "shuffle=True was given without shuffle_seed.*shuffle_seed=7"),
        ({"shuffle_seed": 3}, "shuffle_seed=3 was given without shuffle=True.*leave the seed out"),
        ({"shuffle": True, "shuffle_seed": float("nan")}, "a seed must be .* got nan"),
        ({"start_offset": -1}, "start_offset must be .* got -1. It counts records"),
        ({"start_offset": 1.5}, "start_offset must be .* got 1.5"),
        ({"shard_rank": 2, "num_shards": 2}, "rank 2 of a world of 2 does not exist"),
        ({"shard_rank": 1}, "rank 1 of a world of 1 does not exist"),
        ({"num_shards": 0}, "world_size must be .* got 0"),
        ({"num_shards": 11, "drop_shard_remainder": True}, '"drop" would leave nothing of 10'),
    ],
)
def test_bad_arguments_of_stream_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        numbers().stream(**arguments)


def test_more_ranks_than_records_leave_empty_parts() -> None:
    stream = numbers(2).stream(shard_rank=3, num_shards=5)
    assert (len(stream), stream.collect()) == (0, [])


def test_what_cannot_be_read_by_index_is_refused() -> None:
    with pytest.raises(ArgumentError, match="a DataRef needs an object with __len__ and read"):
        hr.DataRef([1, 2])  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="a sequence needs __len__ and __getitem__"):
        hr.DataRef.from_sequence(iter([1]))  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="concat got no orders"):
        hr.concat([])


def test_only_stored_records_have_views() -> None:
    with pytest.raises(StreamError, match="has no stored bytes to view. Submit it to a Storage"):
        numbers().views()


def test_a_dataref_pickles_and_prints() -> None:
    ref = numbers().shuffle(seed=3).shard(0, 2)[1:]
    again = pickle.loads(pickle.dumps(ref))
    assert rows(again.read(range(4))) == rows(ref.read(range(4)))
    assert repr(again) == repr(ref)
    assert "shuffled" in repr(ref)
    html = hr.DataRef.from_sequence([{"<x>": 1}])._repr_html_()
    assert "1 records of" in html
    assert "&lt;x&gt;" in html


def test_a_state_of_another_selection_is_refused() -> None:
    first, second = numbers().select([1, 2, 3]), numbers().select([1, 2, 4])
    state = hr.DataLoader(first.stream()).state_dict()
    with pytest.raises(hr.errors.StateError, match="very same chain"):
        hr.DataLoader(second.stream()).load_state_dict(state)


def test_an_endless_dataref_says_so_in_a_notebook() -> None:
    html = hr.DataRef.from_sequence(range(3)).repeat(None)._repr_html_()
    assert "endless records of" in html


def test_a_stored_dataset_prints_its_length_and_schema() -> None:
    ref = hr.Storage("memory://").submit([{"x": 1}, {"x": 2}], "digits", "1.0")
    assert re.fullmatch(
        r"DataRef\(digits@1\.0#\w+, range\(2\), 2 records of \{'x': int\}\)", repr(ref)
    )
