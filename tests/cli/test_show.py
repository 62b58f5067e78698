"""`headrace show` and `head`: what a person and a script get to see of a version."""

from __future__ import annotations

from tests.cli.conftest import Headrace

from headrace.storage import Storage


def test_show_has_figures_schema_notes_and_the_first_records_of_a_shuffle(
    headrace: Headrace, digits: str
) -> None:
    out = headrace("show", digits, "-n", "2", "--seed", "3").out
    shuffled = Storage("headrace-data").fetch(digits).shuffle(seed=3)
    first = [record["label"] for record in shuffled[:2].stream()]

    for line in ("digits 1.0", "├── image  uint8[2, 2]", "└── text   str"):
        assert line in out.splitlines()
    assert "meta      by ada" in out
    shown = out.partition("the first 2 of a global shuffle, seed 3")[2].splitlines()[3:]
    assert [int(line.split()[0]) % 10 for line in shown] == first


def test_brackets_in_records_are_no_markup(headrace: Headrace, digits: str) -> None:
    assert "a [b]river" in headrace("head", digits, "-n", "2").out


def test_show_as_json_has_stable_keys(headrace: Headrace, digits: str) -> None:
    told = headrace("show", digits, "1.0", "--json", "-n", "1").json

    assert list(told) == [
        *("storage", "dataset", "version", "records", "size_bytes", "shards", "made", "identity"),
        *("schema", "compressed", "is_pickled", "meta", "origin", "shuffled"),
    ]
    assert told["schema"] == {"image": "uint8[2, 2]", "label": "int", "text": "str"}
    assert told["shuffled"]["seed"] == 0
    record = told["shuffled"]["records"][0]
    assert record["fields"]["label"] == str(record["index"] % 10)


def test_a_version_without_records_is_shown(headrace: Headrace, made: str) -> None:
    headrace("submit", "made:numbers", "none", "1.0", "--limit", "0")
    ended = headrace("show", "none")

    assert ended.code == 0
    assert "unknown, as there is no record" in ended.out
    assert headrace("head", "none").out == "no records\n"
    assert headrace("show", "none", "--json").json["shuffled"]["records"] == []


def test_head_prints_the_first_records_in_order(headrace: Headrace, digits: str) -> None:
    lines = headrace("head", digits, "-n", "3").out.splitlines()

    assert [line.split()[0] for line in lines[2:5]] == ["0", "1", "2"]
    assert lines[-1] == "of 20 records"


def test_head_as_json_gives_the_records_whole(headrace: Headrace, digits: str) -> None:
    told = headrace("head", digits, "-n", "2", "--json").json

    assert told == {
        "dataset": "digits",
        "version": "1.0",
        "records": [
            {"image": [[0, 0], [0, 0]], "label": 0, "text": ""},
            {"image": [[1, 1], [1, 1]], "label": 1, "text": "a [b]river "},
        ],
    }


def test_a_count_below_zero_is_a_wrong_call(headrace: Headrace, digits: str) -> None:
    for command in ("show", "head", "view"):
        ended = headrace(command, digits, "-n", "-1")
        assert ended.code == 2
        assert "--count must be a whole number of at least 0, got -1. Write it like" in ended.err
