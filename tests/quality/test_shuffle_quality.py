"""The numbers of a shuffle: what they are for known orders, and what can be measured."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace as hr
from headrace.contracts.errors import ArgumentError, StreamError
from headrace.orders import Blocks, Nearby, Pinned, Range, Repeat, Shuffled, Slice, Windowed
from headrace.quality.measured import displacement, label_mix, rank_correlation
from headrace.quality.seen import Seen

# Any, in this file: what is measured has many types.

SIZES = [10_000, 100_000, 10**9]


@pytest.mark.parametrize("size", SIZES)
def test_stored_order_is_not_mixed_at_all(size: int) -> None:
    quality = hr.shuffle_quality(Range(size))
    assert quality.rank_correlation == pytest.approx(1)
    assert quality.displacement == 0
    assert quality.neighbour_distance == pytest.approx(0, abs=0.001)
    assert quality.label_mix == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("seed", [1, 2])
def test_an_exact_shuffle_is_as_good_as_one(size: int, seed: int) -> None:
    quality = hr.shuffle_quality(Shuffled(Range(size), seed))
    assert quality.rank_correlation == pytest.approx(0, abs=0.03)
    for number in (quality.displacement, quality.neighbour_distance, quality.label_mix):
        assert number == pytest.approx(1, abs=0.03)


def test_turned_around_it_is_ordered_but_moved() -> None:
    quality = hr.shuffle_quality(np.arange(10_000)[::-1])
    assert quality.rank_correlation == pytest.approx(-1)
    assert quality.displacement == pytest.approx(1.5, abs=0.01)
    assert quality.label_mix == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("kind", [Windowed, Nearby])
def test_each_number_grows_better_with_the_window(kind: Any) -> None:
    size = 2**18
    found = [
        hr.shuffle_quality(kind(Range(size), 2**power, seed=3)) for power in (6, 10, 14, 16, 17, 18)
    ]
    for number in ("displacement", "neighbour_distance", "label_mix"):
        numbers = [getattr(quality, number) for quality in found]
        assert numbers == sorted(numbers)
        assert 0 <= numbers[0] < 0.01
    correlations = [quality.rank_correlation for quality in found]
    assert correlations == sorted(correlations, reverse=True)
    assert 0.01 < found[2].label_mix < 0.5


def test_a_window_as_wide_as_a_class_is_not_taken_for_none() -> None:
    narrow, wide = (hr.shuffle_quality(Windowed(Range(10**5), w, 7)) for w in (9_000, 10_000))
    assert wide.label_mix == pytest.approx(narrow.label_mix, abs=0.1)
    assert wide.label_mix > 0.2


def test_blocks_mix_sorted_data_and_nearby_does_not() -> None:
    blocks = hr.shuffle_quality(Blocks(Range(10**6), 1024, 16, 7))
    nearby = hr.shuffle_quality(Nearby(Range(10**6), 16 * 1024, 7))
    assert blocks.label_mix > 0.8
    assert nearby.label_mix < 0.1


def test_more_positions_than_are_looked_at_change_little() -> None:
    order = Windowed(Range(2**18), 2**16, seed=1)
    everything, some = hr.shuffle_quality(order), hr.shuffle_quality(order, most=2**15)
    assert (everything.looked_at, some.looked_at) == (2**18, 2**15)
    assert some.count == everything.count == 2**18
    for number in ("rank_correlation", "displacement", "neighbour_distance", "label_mix"):
        assert getattr(some, number) == pytest.approx(getattr(everything, number), abs=0.02)


def test_an_order_a_ref_and_a_stream_of_it_are_the_same() -> None:
    ref = hr.DataRef.from_sequence(range(5_000)).shuffle(seed=3)
    ways = [
        hr.shuffle_quality(what, epoch=2)
        for what in (ref.order, ref, ref.stream(), ref.stream().map(abs))
    ]
    ways.append(hr.shuffle_quality(np.array(ref.stream().epoch(2).collect())))
    numbers = {(q.rank_correlation, q.displacement, q.label_mix) for q in ways}
    assert len(numbers) == 1
    assert hr.shuffle_quality(ref).rank_correlation != ways[0].rank_correlation


def test_of_a_stream_that_only_reorders_nothing_is_read() -> None:
    class Unread:
        def __len__(self) -> int:
            return 1_000

        def __getitem__(self, index: int) -> int:
            raise AssertionError("a record was read")

    stream = hr.DataRef.from_sequence(Unread()).stream().shuffle(100, seed=3)
    assert hr.shuffle_quality(stream).count == 1_000


def test_a_stream_of_records_is_measured_by_the_numbers_before_them() -> None:
    stream = hr.stream(["a"] * 4_000).enumerate().filter(lambda pair: pair[0] % 2)
    stored, shuffled = (hr.shuffle_quality(s) for s in (stream, stream.shuffle(4_000, seed=1)))
    assert stored.count == 2_000
    assert stored.rank_correlation == pytest.approx(1)
    assert stored.displacement == pytest.approx(0, abs=0.001)
    assert shuffled.label_mix == pytest.approx(1, abs=0.05)


def test_an_endless_stream_is_read_as_far_as_asked() -> None:
    stream = hr.stream(range(100)).map(abs).repeat()
    assert hr.shuffle_quality(stream, most=1_000).looked_at == 15 * 64


def test_parts_of_a_dataset_are_measured_among_themselves() -> None:
    ref = hr.DataRef.from_sequence(range(100_000))
    for part in (ref.shard(1, 7), ref[20_000:60_000], ref.select(range(5, 90_000, 3))):
        quality = hr.shuffle_quality(part)
        assert quality.displacement == pytest.approx(0, abs=0.001)
        assert quality.rank_correlation == pytest.approx(1)
    mixed = hr.shuffle_quality(ref.shuffle(seed=1).shard(1, 7))
    assert mixed.label_mix == pytest.approx(1, abs=0.03)
    assert mixed.displacement == pytest.approx(1, abs=0.03)


def test_labels_of_the_user_are_counted_in_batches() -> None:
    size, order = 6_400, Range(6_400)
    in_turn = np.arange(size) % 64
    assert hr.shuffle_quality(order, labels=in_turn).label_mix > 1
    assert hr.shuffle_quality(order, labels=np.arange(size) // 64).label_mix == 0
    words = np.where(np.arange(size) < size // 2, "cat", "dog")
    quality = hr.shuffle_quality(Shuffled(order, 7), labels=words)
    assert quality.label_count == 2
    assert quality.label_mix == pytest.approx(1, abs=0.01)
    assert hr.shuffle_quality(order, labels=["same"] * size).label_mix == 1


@given(st.lists(st.integers(0, 9), min_size=2, max_size=40))
def test_the_rank_correlation_is_that_of_the_definition(indices: list[int]) -> None:
    def ranks(values: list[Any]) -> list[float]:
        return [
            sum(other < value for other in values) + (values.count(value) - 1) / 2
            for value in values
        ]

    ours = rank_correlation(np.array(indices))
    if len(set(indices)) == 1:
        assert ours == 0
    else:
        expected = np.corrcoef(ranks(list(range(len(indices)))), ranks(indices))[0, 1]
        assert ours == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.lists(st.integers(0, 3), min_size=5, max_size=5), min_size=1, max_size=6))
def test_the_label_mix_is_the_mean_entropy_of_batches(batches: list[list[int]]) -> None:
    def entropy(batch: list[int]) -> float:
        shares = [batch.count(label) / len(batch) for label in set(batch)]
        return -sum(share * math.log(share) for share in shares)

    expected = sum(map(entropy, batches)) / len(batches)
    assert label_mix(np.array(batches)) == pytest.approx(expected, abs=1e-9)


def test_the_displacement_is_the_mean_way_of_a_record() -> None:
    indices = np.array([[3, 0, 1, 2]])
    found = Seen("", 4, np.array([0]), indices)
    assert displacement(found) == pytest.approx((3 + 1 + 1 + 1) / 4 / (15 / 12))


def test_it_prints_as_a_table_and_shows_in_a_notebook() -> None:
    quality = hr.shuffle_quality(Windowed(Range(10_000), 100, seed=7))
    assert str(quality).splitlines() == [
        "range(10000) > windowed(100, seed=7), epoch 0",
        "                    sorted    this  exact shuffle",
        f"rank correlation     1.000  {quality.rank_correlation:6.3f}          0.000",
        f"displacement         0.000  {quality.displacement:6.3f}          1.000",
        f"neighbour distance   0.000  {quality.neighbour_distance:6.3f}          1.000",
        f"label mix            0.000  {quality.label_mix:6.3f}          1.000",
        "batches of 64, 11 labels, 9,984 of 10,000 positions looked at",
    ]
    shown = quality._repr_html_()
    assert shown.startswith("<svg ")
    assert "range(10000) &gt; windowed(100, seed=7), epoch 0" in shown


def test_the_plot_is_one_whole_svg_without_outside_resources(tmp_path: Path) -> None:
    path = tmp_path / "shuffle.svg"
    path.write_text("older")
    long = Pinned(Slice(Shuffled(Range(50_000), 1), 0, None))
    for order in (long, Range(2), Repeat(Range(1), 100)):
        hr.shuffle_quality(order).plot(path)
        text = path.read_text("utf-8")
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert not re.search(r"href|url\(|<script|@import", text)
    assert [one.name for one in tmp_path.iterdir()] == ["shuffle.svg"]


def test_a_plot_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    quality = hr.shuffle_quality(Range(10))
    with pytest.raises(ArgumentError, match=r"cannot write the plot to .*: No such file.* Give a"):
        quality.plot(tmp_path / "none" / "shuffle.svg")
    with pytest.raises(ArgumentError, match=r"a plot was asked as '.*\.png', and it is an SVG\."):
        quality.plot(tmp_path / "shuffle.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (Range(1), r"the shuffle of range\(1\) cannot be measured over 1 position. At least 2"),
        (np.array([], dtype=int), "the shuffle of indices cannot be measured over 0 positions"),
        (np.zeros((2, 2), dtype=int), r"indices gives int64 of shape \(2, 2\), and one index a"),
        (np.array([0.5, 1]), "indices gives float64 of shape"),
        (
            hr.stream(range(9)).zip(hr.stream(range(9))),
            "and one index a position was expected. Measure one of the streams that were zipped",
        ),
        (
            hr.stream(["a", "b"]).map(str),
            r"one is str. An index, .* was expected. Put .enumerate\(\) right after the source",
        ),
    ],
)
def test_what_cannot_be_measured_is_told(what: Any, told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        hr.shuffle_quality(what)


def test_an_order_without_an_end_is_refused() -> None:
    with pytest.raises(StreamError, match="cannot measure .* which has no end"):
        hr.shuffle_quality(Repeat(Range(9), None))


@pytest.mark.parametrize("labels", [np.arange(9), np.zeros((10, 2))])
def test_labels_that_do_not_fit_are_told(labels: Any) -> None:
    with pytest.raises(ArgumentError, match=r"labels of shape .*, and the indices are 0 to 9. One"):
        hr.shuffle_quality(Range(10), labels=labels)


def test_labels_that_cannot_be_sorted_are_told() -> None:
    labels: Any = [None, "a"] * 5
    with pytest.raises(ArgumentError, match="labels are counted by sorting .* without None"):
        hr.shuffle_quality(Range(10), labels=labels)


@pytest.mark.parametrize(
    ("argument", "value", "told"),
    [("batch_size", 1, "One record alone"), ("most", 0, "Leave it out"), ("epoch", -1, "counted")],
)
def test_arguments_below_their_least_are_refused(argument: str, value: int, told: str) -> None:
    with pytest.raises(ArgumentError, match=rf"{argument} must be .* got {value}. .*{told}"):
        hr.shuffle_quality(Range(10), **{argument: value})
