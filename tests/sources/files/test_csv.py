"""Delimited text gives a dict a row, alike whether it is read row by row or in columns."""

from __future__ import annotations

import csv
import gzip
import io
import logging
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import headrace as hr
from headrace.contracts.block import Columns, rows
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.sources.file import File
from headrace.sources.files import chunks as chunks_file
from headrace.sources.files.csv import INFERRED_ROWS, CsvSource, csv_source
from headrace.sources.files.csv_columns import columns_in
from headrace.sources.files.csv_records import Place, record_of
from headrace.sources.files.csv_rows import Dialect, newlines
from headrace.sources.files.csv_types import ColumnType, converted, inferred

# What is special to the format, in every neighbourhood.
texts = st.text('ab,"\n\r é0', max_size=40)
numbers = st.sampled_from(
    f" 0 7 -7 007 +5 1_0 0x1F 1.5 .5 1. 1e5 -inf nan NaN(1) Infinity 1e400 {2**63} {-(2**63)} "
    "True true TRUE FALSE tRue \ufeff1 ٣ 1,5 é NA null -0 -0.0 5e-324".split(" ")
) | st.sampled_from([" 7", "7\t", " true", " "])


def write(folder: Path, content: str | bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def records_of(source: CsvSource) -> list[dict[str, Any]]:
    return [record for block in source.blocks(0) for record in rows(block)]


def same(one: Any, other: Any) -> bool:
    """Equality by type, and with NaN equal to itself."""
    return repr(one) == repr(other)


# -- rows ------------------------------------------------------------------------------------


@given(text=texts)
@example(text='a"b,"a"b,"a""b","a\r\nb"\r\n"",\n')
def test_rows_are_those_of_the_standard_library(text: str) -> None:
    found = list(Dialect().rows(text.encode()))
    lines, expected = [0], []
    reader = csv.reader(io.StringIO(text, newline=""))
    for fields in reader:
        if fields:
            expected.append((lines[-1], fields))
        lines.append(reader.line_num)
    if found and found[-1].fields is None:
        # The standard library takes the rest of the text for the field.
        found.pop()
        expected.pop()
    assert [(row.line, [f.decode() for f in row.fields or ()]) for row in found] == expected


@given(text=texts, cut=st.integers(0, 40), quotechar=st.sampled_from(['"', None]))
@example(text='"a"",b\n"c,d\n', cut=9, quotechar='"')
@example(text='a"b\n"c\nd"\n', cut=8, quotechar='"')
@example(text='"a\r', cut=3, quotechar='"')
def test_a_cut_behind_whole_rows_changes_no_row(text: str, cut: int, quotechar: str | None) -> None:
    dialect = Dialect(quotechar=quotechar)
    whole = text.encode()
    end = dialect.end_of_rows(whole[:cut])
    before = [row.fields for row in dialect.rows(whole[:end])]
    after = [row.fields for row in dialect.rows(whole[end:])]
    assert before + after == [row.fields for row in dialect.rows(whole)]
    assert newlines(whole[:end]) + newlines(whole[end:]) == newlines(whole)


def test_regular_rows_end_early() -> None:
    buffer = b'1,"a"\n2,"x\ny"\n3,"open\n'
    assert buffer[Dialect().end_of_rows(buffer) :] == b'3,"open\n'


# -- columns and rows alike ------------------------------------------------------------------


@given(
    cells=st.lists(st.tuples(numbers | texts, numbers | texts), max_size=8),
    types=st.tuples(*[st.sampled_from([int, float, bool, str])] * 2),
    delimiter=st.sampled_from([",", ";", "a"]),
)
@example(cells=[("0x1F", "0x1F")], types=(int, str), delimiter=",")
@example(cells=[("\ufeff1", "\ufeff1")], types=(str, str), delimiter=",")
def test_columns_hold_what_reading_row_by_row_gives(
    cells: list[tuple[str, str]], types: tuple[ColumnType, ...], delimiter: str
) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(cells)
    chunk, dialect = text.getvalue().encode(), Dialect(delimiter)
    columns = columns_in(chunk, ("x", "y"), types, dialect) if chunk else None
    if columns is not None:
        place = Place(File.at("a.csv"), 1)
        found = dialect.rows(chunk)
        expected = [record_of(row, ("x", "y"), types, "utf-8", place) for row in found]
        assert same(columns.rows(), expected)


@given(values=st.lists(numbers | texts, max_size=6))
def test_inferred_types_hold_all_the_values(values: list[str]) -> None:
    kind = inferred(values)
    for value in values:
        found = converted(value, kind)
        assert found is None or type(found) is kind


@given(
    records=st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1), st.floats(), st.booleans(), st.text(max_size=5)
        ),
        min_size=1,
        max_size=20,
    ),
    chunk_bytes=st.integers(1, 50),
)
def test_what_was_written_is_read_whatever_the_chunks(
    records: list[tuple[Any, ...]], chunk_bytes: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    names = ["i", "f", "b", "s"]
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names, *records])
    types: dict[str, ColumnType] = {"i": int, "f": float, "b": bool, "s": str}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks_file, "CHUNK_BYTES", chunk_bytes)
        found = list(csv_source(path, types=types).draw(0))
    assert same(found, [dict(zip(names, record, strict=True)) for record in records])


def test_regular_files_come_as_columns(tmp_path: Path) -> None:
    path = write(tmp_path, 'id,name,x\n1,"a, b",1\n2,"c\nd",2.5\n')
    (block,) = csv_source(path).blocks(0)
    assert isinstance(block, Columns)
    assert block.layout.kinds == ("python", "object", "python")
    assert list(block) == [{"id": 1, "name": "a, b", "x": 1.0}, {"id": 2, "name": "c\nd", "x": 2.5}]


def test_stored_and_streamed_records_are_equal(tmp_path: Path) -> None:
    path = write(tmp_path, "id,name,ok\n" + "".join(f"{n},n{n},{n % 2 == 0}\n" for n in range(50)))
    streamed = hr.from_csv(path).collect()
    stored = hr.Storage(tmp_path / "store").submit(path, "people", "1").stream().collect()
    assert same(streamed, stored)
    assert streamed[3] == {"id": 3, "name": "n3", "ok": False}


def test_reading_imports_no_pandas(tmp_path: Path) -> None:
    path = write(tmp_path, "n,s,b\n1,a,true\n2,b,false\n")
    program = (
        "import sys, headrace as hr\n"
        f"print(len(hr.from_csv({str(path)!r}).collect()), 'pandas' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.split() == ["2", "False"], result.stderr


# -- types -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", ""], int),
        (["1", "2.5"], float),
        (["1", "nan"], float),
        (["True", "false"], bool),
        (["1", "true"], str),
        (["007"], str),
        (["-00.5"], str),
        ([str(2**63)], str),
        ([str(2**63), "1.5"], str),
        (["0x1F"], str),
        (["1_000"], str),
        (["", ""], str),
        ([], str),
    ],
    ids=str,
)
def test_the_narrowest_type_is_inferred(values: list[str], kind: type) -> None:
    assert inferred(values) is kind


def test_an_empty_field_is_none_among_numbers_and_empty_text_among_text(tmp_path: Path) -> None:
    path = write(tmp_path, "n,s,b\n1,x,true\n,,\n")
    expected = [{"n": 1, "s": "x", "b": True}, {"n": None, "s": "", "b": None}]
    assert list(csv_source(path).draw(0)) == expected


def test_given_types_win(tmp_path: Path) -> None:
    path = write(tmp_path, "zip,n,flag\n01234,1,1\n")
    source = csv_source(path, types={"zip": int, "n": str, "flag": bool})
    assert list(source.draw(0)) == [{"zip": 1234, "n": "1", "flag": True}]


def test_hexadecimal_numbers_are_text_in_both_ways(tmp_path: Path) -> None:
    path = write(tmp_path, "n,s\n1,0x1F\n2,0xFF\n")
    assert list(csv_source(path).draw(0)) == [{"n": 1, "s": "0x1F"}, {"n": 2, "s": "0xFF"}]


def test_mixed_columns_name_line_column_value_and_remedy(tmp_path: Path) -> None:
    body = "".join(f'{n},"a\nb"\n' for n in range(INFERRED_ROWS))
    path = write(tmp_path, f"age,name\n{body}unknown,x\n")
    message = (
        rf"a\.csv, line {2 * INFERRED_ROWS + 2}, column 'age' holds 'unknown', and the column's "
        r"type is int\. Pass types=\{'age': str\} to hold both, or .*on_error=\"skip\""
    )
    with pytest.raises(RecordError, match=message):
        records_of(csv_source(path))
    assert records_of(csv_source(path, types={"age": str}))[-1] == {"age": "unknown", "name": "x"}


def test_a_float_among_ints_asks_for_float(tmp_path: Path) -> None:
    path = write(tmp_path, "n\n" + "1\n" * INFERRED_ROWS + "2.5\n")
    with pytest.raises(RecordError, match=r"holds '2.5'.*Pass types=\{'n': float\}"):
        records_of(csv_source(path))


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"nme": str}, r"types names the column 'nme', which is not there\. Did you.*'name'"),
        (
            {"name": list},
            r"type of column 'name' must be int, float, bool or str, got <class 'list",
        ),
    ],
    ids=["column", "type"],
)
def test_types_that_cannot_be_are_refused(tmp_path: Path, types: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        csv_source(write(tmp_path, "id,name\n1,a\n"), types=types)


# -- what is wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n3\n", r"line 3 has 1 field, and there are 2 columns\. Repair it, or leave"),
        ('a,b\r\n1,"x\r\ny"\r\n\r\n3,4,5\r\n', "line 5 has 3 fields, and there are 2 columns"),
        (b"a,b\n1,ok\n2,\xff\n", r"line 3 is no text in utf-8: invalid start byte\. Pass the enco"),
        ('a,b\n1,2\n3,"open\n4,5\n', r"line 3 has a quote that opens and is never closed\. Close"),
        ('a,b\n1,x\n3,"open\n4,y', r"line 3 has a quote that opens and is never closed\. Close"),
    ],
    ids=["few", "many", "bytes", "quote", "quote around the rest"],
)
def test_a_bad_row_names_its_line_after_those_before_it(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    found: list[dict[str, Any]] = []
    with pytest.raises(RecordError, match=message):
        found.extend(csv_source(write(tmp_path, content)).draw(0))
    assert [record["a"] for record in found] == [1]


def test_bad_rows_are_left_out_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = "".join(f"{n},x\n" for n in range(INFERRED_ROWS))
    path = write(tmp_path, f"a,b\n{body}bad,x\n1\n7,y\n")
    with caplog.at_level(logging.WARNING, "headrace"):
        found = hr.from_csv(path, on_error="skip").collect()
    assert found[INFERRED_ROWS:] == [{"a": 7, "b": "y"}]
    (told,) = caplog.messages
    assert told.startswith(f"2 left out; the first: {path}, line {INFERRED_ROWS + 2}, column 'a'")


def test_nothing_is_published_of_a_bad_file(tmp_path: Path) -> None:
    storage = hr.Storage(tmp_path / "store")
    with pytest.raises(RecordError, match="line 3 has 1 field"):
        storage.submit(write(tmp_path, "a,b\n1,2\n3\n"), "rows", "1")
    assert storage.datasets() == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,a\n", r"line 1, the header, names the column 'a' twice.*Rename one in the file"),
        (b"\xe9t\xe9\n", r"line 1 is no text in utf-8: invalid continuation byte"),
    ],
    ids=["twice", "bytes"],
)
def test_a_header_must_be_one(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        csv_source(write(tmp_path, content))


def test_files_read_as_one_have_one_header(tmp_path: Path) -> None:
    write(tmp_path, "a,b\n1,2\n", "1.csv")
    write(tmp_path, "b,a\n1,2\n", "2.csv")
    with pytest.raises(RecordError, match=r"2\.csv has the columns b, a, and .*1\.csv has a, b\."):
        records_of(csv_source(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"delimiter": "||"}, r"delimiter must be a single ASCII character, got '\|\|'"),
        ({"quotechar": "\n"}, r"quotechar must be a single ASCII character, got '\\n'"),
        ({"quotechar": ","}, r"delimiter and quotechar must differ, got ',' for both"),
        ({"columns": "ab"}, r"columns must be the names of the columns, got 'ab'"),
        ({"columns": []}, r"columns must be the names of the columns, got \[\]"),
        ({"columns": ["a", "a"]}, r"columns must differ, got \['a', 'a'\]"),
        ({"encoding": "utf-9"}, "encoding must be a text encoding that Python knows, got 'utf-9'"),
        ({"on_error": "ignore"}, 'on_error must be "raise" or "skip", got \'ignore\''),
    ],
    ids=str,
)
def test_arguments_are_checked_at_once(tmp_path: Path, arguments: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        csv_source(write(tmp_path, "a,b\n"), **arguments)


# -- files of all sorts ----------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", "\n\n", "a,b", "a,b\r\n\r\n"], ids=repr)
def test_a_file_without_rows_has_no_records(tmp_path: Path, content: str) -> None:
    assert records_of(csv_source(write(tmp_path, content))) == []


def test_files_are_read_in_order_with_the_types_of_the_first_rows(tmp_path: Path) -> None:
    write(tmp_path, "a\n", "1.csv")
    write(tmp_path, "", "2.csv")
    write(tmp_path, "a\n1.5\n", "3.csv")
    write(tmp_path, "\n\na\n2\n", "4.csv")
    source = csv_source(tmp_path)
    assert list(source.draw(0)) == [{"a": 1.5}, {"a": 2.0}]
    assert source.identity.startswith("csv[1.csv, 4 files, ")
    assert source.size is None


@pytest.mark.parametrize(
    ("content", "name", "arguments"),
    [
        (b"\xef\xbb\xbfn,s\n1,\xc3\xa9\n", "a.csv", {}),
        ("n,s\r\n1,é\r\n".encode(), "a.csv", {}),
        ("n,s\r1,é\r".encode(), "a.csv", {}),
        (gzip.compress("n,s\n1,é".encode()), "a.csv.gz", {}),
        ("n\ts\n1\té\n".encode(), "a.TSV", {}),
        ("n;s\n1;'é'\n".encode(), "a.csv", {"delimiter": ";", "quotechar": "'"}),
        ("1,é\n".encode(), "a.csv", {"columns": ["n", "s"]}),
        ("n,s\n1,é\n".encode("latin-1"), "a.csv", {"encoding": "cp1252"}),
        ("n,s\n1,é\n".encode("utf-16"), "a.csv", {"encoding": "utf-16"}),
    ],
    ids=["mark", "crlf", "cr", "gz", "tsv", "quotes", "columns", "cp1252", "utf-16"],
)
def test_files_of_all_sorts(tmp_path: Path, content: bytes, name: str, arguments: Any) -> None:
    source = csv_source(write(tmp_path, content, name), **arguments)
    assert list(source.draw(0)) == [{"n": 1, "s": "é"}]


def test_quotes_may_be_plain_characters(tmp_path: Path) -> None:
    path = write(tmp_path, 'size\n5"\n"7"\n')
    assert list(csv_source(path, quotechar=None).draw(0)) == [{"size": '5"'}, {"size": '"7"'}]
    assert list(csv_source(path).draw(0)) == [{"size": '5"'}, {"size": "7"}]


def test_csv_and_tsv_together_need_a_delimiter(tmp_path: Path) -> None:
    write(tmp_path, "a\n1\n", "1.csv")
    write(tmp_path, "a\n2\n", "2.tsv")
    with pytest.raises(ArgumentError, match=r"got both \.csv and \.tsv among 2 files"):
        csv_source(tmp_path)
    assert list(csv_source(tmp_path, delimiter=",").draw(0)) == [{"a": 1}, {"a": 2}]


def test_a_missing_number_is_no_nan(tmp_path: Path) -> None:
    first, second = csv_source(write(tmp_path, "x,y\n,1\nnan,1\n")).draw(0)
    assert first["x"] is None
    assert math.isnan(second["x"])
