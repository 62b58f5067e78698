"""The functions of `hr.parse`: each gives a parser for `.flat_map`, or a check for `.map`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.contracts.errors import ArgumentError
from headrace.parsing.archives import Tar, Zip
from headrace.parsing.files import Parsable, opened
from headrace.parsing.hashes import HashCheck, checked_algorithm
from headrace.parsing.rows import Csv, Jsonl, Lines, Parquet, WebDataset
from headrace.parsing.tfrecord import Features, TFRecords, checked_features
from headrace.sources.file import File
from headrace.sources.files import ColumnType, OnError
from headrace.sources.files.chunks import checked_encoding
from headrace.sources.files.compression import Compression, checked_compression, decompressed
from headrace.sources.files.csv import checked_columns
from headrace.sources.files.csv_rows import Dialect
from headrace.sources.files.csv_types import checked_types
from headrace.sources.files.faults import checked_policy


def lines(*, encoding: str = "utf-8", on_error: OnError = "raise") -> Lines:
    r"""A parser of text: its lines, without what ends them.

    Like the other parsers it is for `.flat_map`, and takes a File, a path or address, bytes, or a
    record of `hr.from_files`. It reads piece by piece and closes what it opened, also when
    nobody wants the rest; names that end in .gz, .bz2, .xz or .zst are decompressed. **Cost** of
    a resume: the file is read again up to the record.

    Raises:
        ArgumentError: there is no such encoding or policy.
        RecordError: when it is read, a line that does not decode; it names file and line. With
            `on_error="skip"` such lines are left out, and a warning says how many.
        StorageError: when it is read, a file that cannot be.

    Example:
        >>> import headrace as hr
        >>> hr.stream([b"so much depends\nupon\n"]).flat_map(hr.parse.lines()).collect()
        ['so much depends', 'upon']
    """
    checked_policy(on_error)
    return Lines(checked_encoding(encoding), on_error)


def jsonl(*, on_error: OnError = "raise") -> Jsonl:
    r"""A parser of JSON Lines: one value a line.

    As `hr.from_jsonl` reads them, a file a record; see `hr.parse.lines` for what it takes.

    Raises:
        ArgumentError: there is no such policy.
        RecordError: when it is read, a line that does not parse; it names file and line.
        StorageError: when it is read, a file that cannot be.

    Example:
        >>> import headrace as hr
        >>> hr.stream([b'{"step": 1}\n{"step": 2}\n']).flat_map(hr.parse.jsonl()).collect()
        [{'step': 1}, {'step': 2}]
    """
    checked_policy(on_error)
    return Jsonl(on_error)


def csv(
    *,
    columns: Sequence[str] | None = None,
    types: Mapping[str, ColumnType] | None = None,
    delimiter: str | None = None,
    quotechar: str | None = '"',
    encoding: str = "utf-8",
    on_error: OnError = "raise",
) -> Csv:
    r"""A parser of delimited text: a dict a row, by the names in the header.

    As `hr.from_csv` reads it, a file a record: each has its own header, and columns that are not
    in `types` are inferred from its own first rows. Pass `types` where all files are to have the
    same. See `hr.parse.lines` for what it takes.

    Raises:
        ArgumentError: a parameter is none that is accepted.
        RecordError: when it is read, a header that names a column twice, or a row that does not
            fit; it names file and line.
        StorageError: when it is read, a file that cannot be.

    Example:
        >>> import headrace as hr
        >>> hr.stream([b"name,age\nAda,36\n"]).flat_map(hr.parse.csv()).collect()
        [{'name': 'Ada', 'age': 36}]
    """
    checked_policy(on_error)
    # It is made for each file anew, by the name of the file; what is wrong with it shows here.
    Dialect("," if delimiter is None else delimiter, quotechar)
    given = dict(types or {})
    checked_types(given, list(given))
    known = checked_encoding(encoding)
    return Csv(checked_columns(columns), given, delimiter, quotechar, known, on_error)


def parquet(columns: Sequence[str] | None = None) -> Parquet:
    """A parser of Parquet files: a dict a row; of `columns` only these are read.

    At most a row group is in memory. See `hr.parse.lines` for what it takes.

    Raises:
        ArgumentError: `columns` is a text; when it is read, a file has no column of that name.
        IntegrityError: when it is read, a file is damaged, or none of Parquet.

    Example:
        >>> import headrace as hr
        >>> import io, pyarrow, pyarrow.parquet
        >>> file = io.BytesIO()
        >>> pyarrow.parquet.write_table(pyarrow.table({"x": [1, 2], "y": [3, 4]}), file)
        >>> hr.stream([file.getvalue()]).flat_map(hr.parse.parquet(["x"])).collect()
        [{'x': 1}, {'x': 2}]
    """
    if isinstance(columns, str):
        raise ArgumentError(
            f"columns must be a list of names, got the text {columns!r}. Pass [{columns!r}]."
        )
    return Parquet(None if columns is None else tuple(columns))


def tar() -> Tar:
    """A parser of tars: each file in one as {"path": str, "bytes": bytes}, in order.

    What it gives can be parsed in turn, or saved. Folders and links are passed over. For the
    records of WebDataset, several files each, see `hr.parse.webdataset`.

    Raises:
        ArgumentError: when it is read, no tar, or one that is cut off.

    Example:
        >>> import headrace as hr
        >>> import io, tarfile
        >>> file = io.BytesIO()
        >>> with tarfile.open(fileobj=file, mode="w") as made:
        ...     member = tarfile.TarInfo("a/1.txt")
        ...     member.size = 3
        ...     made.addfile(member, io.BytesIO(b"ten"))
        >>> hr.stream([file.getvalue()]).flat_map(hr.parse.tar()).collect()
        [{'path': 'a/1.txt', 'bytes': b'ten'}]
    """
    return Tar()


def webdataset(*, decode: bool = False) -> WebDataset:
    """A parser of WebDataset tars: the files of one name as a record, as `hr.from_tar` reads them.

    Raises:
        ArgumentError: when it is read, no tar, one that is cut off, or no record.
        RecordError: when it is read, a record that has other files than those before it.

    Example:
        >>> import headrace as hr
        >>> import io, tarfile
        >>> file = io.BytesIO()
        >>> with tarfile.open(fileobj=file, mode="w") as made:
        ...     member = tarfile.TarInfo("1.txt")
        ...     member.size = 3
        ...     made.addfile(member, io.BytesIO(b"ten"))
        >>> hr.stream([file.getvalue()]).flat_map(hr.parse.webdataset(decode=True)).collect()
        [{'__key__': '1', 'txt': 'ten'}]
    """
    return WebDataset(decode)


def zip() -> Zip:  # noqa: A001 - named as the format, in a namespace of formats
    """A parser of zips: each file in one as {"path": str, "bytes": bytes}, in order.

    A file in it is read when it is wanted, also from an object store.

    Raises:
        RecordError: when it is read, no zip, or a file in it that cannot be read.

    Example:
        >>> import headrace as hr
        >>> import io, zipfile
        >>> file = io.BytesIO()
        >>> with zipfile.ZipFile(file, "w") as made:
        ...     made.writestr("a/1.txt", b"ten")
        >>> hr.stream([file.getvalue()]).flat_map(hr.parse.zip()).collect()
        [{'path': 'a/1.txt', 'bytes': b'ten'}]
    """
    return Zip()


def tfrecord(features: Features = None, *, on_error: OnError = "raise") -> TFRecords:
    r"""A parser of TFRecord files, without TensorFlow.

    Without `features` it gives the bytes of each record. Else each is read as a
    `tf.train.Example`, and a record is a dict: a mapping such as {"label": int, "name": str,
    "box": list[float]} says what is one value (of int, float, bytes or str), and what is a list,
    empty in a record that does not have it; names alone, or "all", give the values as they are
    stored. Lists of numbers are arrays of int64 or float32. Checksums are verified.

    Raises:
        ArgumentError: `features` is none of these, or there is no such policy.
        IntegrityError: when it is read, a file is damaged, cut off, or none of TFRecord; it names
            file and record. With `on_error="skip"` records that are damaged inside are left out.
        RecordError: when it is read, a record is no Example, or has other features.

    Example:
        >>> import headrace as hr
        >>> file = b'\x03\x00\x00\x00\x00\x00\x00\x00\xb0\x99I\x0eten?["\x86'
        >>> hr.stream([file]).flat_map(hr.parse.tfrecord()).collect()
        [b'ten']
    """
    checked_policy(on_error)
    return TFRecords(checked_features(features), on_error)


def decompress(kind: Compression | None = None) -> Decompress:
    """Files with their bytes decompressed while they are read, for `.map`.

    `kind` is "gzip", "bz2", "xz" or "zstd"; without it the ending of the name says so, else the
    first bytes. A file that is not compressed by either stays as it is.

    Raises:
        ArgumentError: there is no such kind.
        StorageError: when it is read, a file that is not compressed so, or is cut off.

    Example:
        >>> import headrace as hr
        >>> import gzip
        >>> packed = hr.stream([gzip.compress(b"so much")]).open()
        >>> packed.map(hr.parse.decompress()).flat_map(hr.parse.lines()).collect()
        ['so much']
    """
    return Decompress(None if kind is None else checked_compression(kind))


@dataclass(frozen=True)
class Decompress:
    """What `hr.parse.decompress` gives."""

    kind: Compression | None

    def __call__(self, source: Parsable) -> File:
        return decompressed(opened(source), self.kind)


def check_hash(hashes: Mapping[str, str], algorithm: str = "sha256") -> HashCheck:
    """Files whose bytes have the hash that is expected, for `.map`.

    `hashes` holds them in hexadecimal by the path of each file as the stream gives it, or by its
    name. `algorithm` is one that every Python has: "sha256", "md5", "blake2b". **Cost**: the
    file is read whole, piece by piece, before it is given on.

    Raises:
        ArgumentError: there is no such algorithm, or `hashes` is no mapping of texts.
        RecordError: when it is read, a file of which no hash was given.
        IntegrityError: when it is read, a file with another hash; it names file and both.

    Example:
        >>> import headrace as hr
        >>> from pathlib import Path
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "note.txt"
        >>> _ = path.write_bytes(b"ten")
        >>> check = hr.parse.check_hash({"note.txt": "5d" * 16}, "md5")
        >>> try:
        ...     hr.stream([path]).open().map(check).collect()
        ... except hr.errors.IntegrityError as error:
        ...     print(error)
        /.../note.txt has the md5 b1b9..., and 5d5d... was expected. Get the file again, ...
    """
    given: Any = hashes
    if not isinstance(given, Mapping) or not all(
        isinstance(part, str) for pair in given.items() for part in pair
    ):
        raise ArgumentError(
            f"hashes must be a dict of texts by path or name, got {type(hashes).__name__}. "
            'Pass one such as {"train.csv": "9f86d0..."}.'
        )
    return HashCheck(dict(hashes), checked_algorithm(algorithm))
