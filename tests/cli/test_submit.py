"""`headrace submit`: from Python code and from files, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Headrace

import headrace as hr


def test_a_function_of_a_module_is_stored(headrace: Headrace, made: str, tmp_path: Path) -> None:
    ended = headrace("submit", "made:digits", "digits", "1.0", "--meta", "by=ada", "--meta", "n==1")

    assert ended.code == 0
    assert ended.out.startswith("digits 1.0: 20 records, ")
    assert "drawing" in ended.err
    ref = hr.Storage(tmp_path / "headrace-data").fetch("digits", "1.0")
    assert ref[3]["label"] == 3
    shown = headrace("show", "digits", "--json").json
    assert shown["meta"] == {"by": "ada", "n": "=1"}


def test_json_has_the_figures_and_nothing_else(headrace: Headrace, made: str) -> None:
    told = headrace("submit", "made:digits", "digits", "1.0", "--limit", "7", "--json").json

    assert list(told) == [
        *("storage", "dataset", "version", "records", "size_bytes", "shards", "identity")
    ]
    assert (told["records"], told["shards"]) == (7, 1)
    assert told["identity"].startswith("digits@1.0#")


def test_files_are_stored_and_bad_lines_left_out_where_asked(
    headrace: Headrace, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3\n5,6\n", "utf-8")

    refused = headrace("submit", "a.csv", "pairs", "1.0")
    assert refused.code == 1
    assert "line 3 has 1 field" in refused.err
    assert "leave such rows out with --on-error skip" in refused.err
    assert headrace("submit", "*.csv", "pairs", "1.0", "--on-error", "skip").code == 0
    assert headrace("head", "pairs", "--json").json["records"] == [
        {"x": 1, "y": 2},
        {"x": 5, "y": 6},
    ]


def test_replace_is_a_switch_that_the_error_names(headrace: Headrace, digits: str) -> None:
    refused = headrace("submit", "made:numbers", digits, "1.0")
    assert refused.code == 2
    assert refused.err.endswith("Choose another version, or pass --replace.\n")
    assert headrace("submit", "made:numbers", digits, "1.0", "--replace").code == 0
    assert headrace("head", digits, "--json").json["records"] == [3, 1, 2]


def test_pickled_values_need_a_switch_to_be_written_and_read(headrace: Headrace, made: str) -> None:
    refused = headrace("submit", "made:objects", "objects", "1.0")
    assert refused.code == 1
    assert "or pass --allow-pickle both" in refused.err
    assert headrace("submit", "made:objects", "objects", "1.0", "--allow-pickle").code == 0
    refused = headrace("head", "objects")
    assert refused.code == 2
    assert "use --allow-pickle." in refused.err
    assert "--allow-pickle shows them" in headrace("show", "objects").out
    assert "object" in headrace("head", "objects", "--allow-pickle").out


def test_batches_are_taken_apart_by_a_switch(headrace: Headrace, made: str) -> None:
    assert headrace("submit", "made:batches", "digits", "1.0", "--unbatch").code == 0
    assert headrace("head", "digits", "--json").json["records"] == [
        {"x": 0, "y": "a"},
        {"x": 1, "y": "b"},
        {"x": 2, "y": "c"},
    ]


def test_a_source_that_fails_publishes_nothing(headrace: Headrace, made: str) -> None:
    ended = headrace("submit", "made:broken", "digits", "1.0", "--json")

    assert ended.code == 1
    assert ended.out == ""
    assert ended.err == (
        "headrace: KeyError: 'bad luck'. The source of digits 1.0 raised this at record 1; "
        "nothing was published. (--debug shows where)\n"
    )
    assert headrace("ls", "--json").json == []


def test_debug_shows_where_an_error_came_from(headrace: Headrace, made: str) -> None:
    with pytest.raises(KeyError, match="bad luck"):
        headrace("submit", "made:broken", "digits", "1.0", "--debug")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("made:digts",), "made has no 'digts', asked by 'made:digts'. Did you mean one of 'dig"),
        (("made:numbers.first",), "has no 'first', asked by"),
        (("maid:digits",), "there is no Python module 'maid', asked by 'maid:digits'. It is"),
        (("made.py.py:x",), "there is no Python module 'made.py.py'"),
        (("nowhere.csv",), "nothing is there. Did you mean one of 'made.py'"),
        (("",), "a source is needed, got ''. SOURCE is a file, a folder, a pattern"),
        (("made:numbers", "--meta", "x"), "--meta needs KEY=VALUE, got 'x'. Write it like"),
        (("made:numbers", "--on-error", "skip"), "--on-error skip was given for made:numbers"),
        (("made:numbers", "--on-error", "stop"), "'stop' is not one of 'raise', 'skip'. See: head"),
        (("made:numbers", "--limit", "-1"), "limit must be a whole number of at least 0"),
        (("made:numbers", "--storage", "memory://"), "memory:// ends with this command"),
        (("made:numbers", "--storage", "floppy://a"), "storage knows no address that begins with"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_wrong_call_is_one_line(
    headrace: Headrace, made: str, arguments: tuple[str, ...], told: str
) -> None:
    source, *options = arguments
    ended = headrace("submit", source, "digits", "1.0", *options)

    assert ended.code == 2
    assert ended.out == ""
    assert told in ended.err
    assert ended.err.count("\n") == 1


def test_no_value_of_a_database_is_skipped(headrace: Headrace, tmp_path: Path) -> None:
    (tmp_path / "old.mdb").touch()
    ended = headrace("submit", "old.mdb", "digits", "1.0", "--on-error", "skip")

    assert ended.code == 2
    assert "--on-error skip was given for old.mdb, a database. It is for other files" in ended.err


def test_a_module_that_lacks_another_one_is_not_a_wrong_name(
    headrace: Headrace, tmp_path: Path
) -> None:
    (tmp_path / "needy.py").write_text("import nowhere_to_be_found\n", "utf-8")
    ended = headrace("submit", "needy:records", "digits", "1.0")

    assert ended.code == 1
    assert "ModuleNotFoundError: No module named 'nowhere_to_be_found'" in ended.err


def test_workers_store_the_same_version(headrace: Headrace, made: str) -> None:
    alone = headrace("submit", "made:digits", "digits", "1.0", "--json").json
    workers = ("--workers", "2", "--replace")
    assert headrace("submit", "made:digits", "digits", "1.0", *workers, "--json").json == alone
    refused = headrace("submit", "made:digits", "digits", "1.0", "--workers", "-1")
    assert "num_workers must be a whole number of at least 1, got -1" in refused.err


def test_fields_are_compressed_where_asked(headrace: Headrace, tmp_path: Path) -> None:
    pytest.importorskip("zstandard")
    (tmp_path / "a.jsonl").write_text('{"text": "water"}\n' * 100, "utf-8")

    refused = headrace("submit", "a.jsonl", "texts", "1.0", "--compress", "text")
    assert refused.code == 2
    assert "--compress needs FIELD=CODEC, got 'text'. Write it like" in refused.err
    assert headrace("submit", "a.jsonl", "texts", "1.0", "--compress", "text=zstd:9").code == 0
    assert "text  str, zstd 0." in headrace("show", "texts").out
    told = headrace("show", "texts", "--json").json
    assert told["schema"] == {"text": "str (zstd)"}
    assert list(told["compressed"]) == ["text"]
