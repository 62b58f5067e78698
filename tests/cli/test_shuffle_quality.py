"""`headrace shuffle-quality`: shuffles compared in a table, and one of them drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Headrace

import headrace as hr


def test_all_kinds_are_compared_by_default(headrace: Headrace) -> None:
    lines = headrace("shuffle-quality", "--size", "100000").out.splitlines()

    assert lines[0].split()[:4] == ["kind", "window", "label", "mix"]
    assert [line.split()[0] for line in lines[1:5]] == ["global", "blocks", "nearby", "windowed"]
    assert lines[-1] == "100,000 records, batches of 64, seed 0"


def test_windows_are_compared_as_json_with_stable_keys(headrace: Headrace) -> None:
    arguments = ("--kind", "windowed", "--window", "100", "--window", "20000", "--seed", "3")
    told = headrace("shuffle-quality", "--size", "20000", *arguments, "--json").json

    assert list(told) == ["records", "batch_size", "seed", "plot", "shuffles"]
    assert (told["records"], told["batch_size"], told["seed"]) == (20_000, 64, 3)
    narrow, wide = told["shuffles"]
    assert list(narrow) == [
        *("kind", "window", "label_mix", "neighbour_distance", "displacement"),
        *("rank_correlation", "looked_at"),
    ]
    assert (narrow["window"], wide["window"]) == (100, 20_000)
    assert narrow["label_mix"] < 0.1 < 0.9 < wide["label_mix"]
    order = hr.DataRef.from_sequence(range(20_000)).stream().shuffle(100, seed=3)
    assert narrow["label_mix"] == hr.shuffle_quality(order).label_mix


def test_a_stored_dataset_is_measured_by_its_size(headrace: Headrace, digits: str) -> None:
    ended = headrace("shuffle-quality", digits, "1.0", "--batch-size", "10")

    assert ended.out.endswith("20 records, batches of 10, seed 0\n")
    assert "Did you mean one of 'digits'?" in headrace("shuffle-quality", "digts").err


def test_one_shuffle_is_drawn(headrace: Headrace, tmp_path: Path) -> None:
    ended = headrace("shuffle-quality", "--size", "900", "--kind", "global", "--plot", "g.svg")

    assert ended.out.endswith("g.svg: open it in a browser\n")
    assert (tmp_path / "g.svg").read_text("utf-8").startswith("<svg ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "the name of a dataset or --size was expected, and neither was given."),
        (("digits", "--size", "9"), "and both were given. Write it like --size 100000."),
        (("--size", "1"), "--size must be a whole number of at least 2, got 1."),
        (("--size", "9", "--kind", "blcks"), "--kind 'blcks' is unknown. Did you mean one of 'bl"),
        (("--size", "9", "--plot", "a.svg"), "--plot draws one shuffle, and 4 are compared. Give"),
        (("--size", "9", "--kind", "windowed", "--window", "0"), "the window of a shuffle must be"),
        (("--size", "9", "--batch-size", "1"), "batch_size must be a whole number of at least 2"),
    ],
)
def test_a_wrong_call_is_told(headrace: Headrace, arguments: tuple[str, ...], told: str) -> None:
    ended = headrace("shuffle-quality", *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
