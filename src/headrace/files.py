"""Streams over files: one function a format."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.parsing.files import listed, with_addresses
from headrace.sources.files import (
    ColumnType,
    OnError,
    Paths,
    audio_folder_source,
    csv_source,
    image_folder_source,
    jsonl_source,
    numpy_source,
    tar_source,
    text_source,
)
from headrace.sources.files.paths import Files, located, matched
from headrace.sources.foreign import hdf5_source, litdata_source, lmdb_source, mds_source
from headrace.sources.tables import (
    ARROW_SUFFIXES,
    PARQUET_SUFFIXES,
    arrow_source,
    parquet_source,
)
from headrace.streams import Stream, stream

# Any, in this file: records of files hold values of every type.


def from_files(
    paths: Files, *, storage_options: Mapping[str, Any] | None = None
) -> Stream[dict[str, Any]]:
    """A Stream over whole files, sorted by path.

    `paths` is a folder, a file, a pattern such as "data/*.bin", an address such as
    "s3://bucket/runs/*.jsonl" or "https://host/file", or a list of these; an address that ends
    in / stands for all that is under it. A record is {"path": str, "bytes": bytes}, the path
    inside the folder where `paths` is one, else as it was found. With `.open()` right behind it
    a record is a `headrace.parse.File`, and nothing is read before it is asked for.

    Credentials come from the environment, or from `storage_options`: what obstore takes for the
    store, such as {"region": "eu-central-1", "endpoint": "http://..."}.

    Raises:
        ArgumentError: a path stands for no file, or an address for nothing that can be read.
        StorageError: a store cannot be listed; when it is read, a file that cannot be.
    """
    return _stream(listed(paths, storage_options))


def from_text(paths: Files, *, encoding: str = "utf-8", on_error: OnError = "raise") -> Stream[str]:
    r"""A Stream over the lines of text files, without what ends them.

    `paths` is a file, a folder, a pattern such as "data/*.txt", an address such as
    "s3://bucket/*.txt", or a list of these; names that end in .gz, .bz2, .xz or .zst are
    decompressed. With `on_error="skip"` lines that do not decode are left out,
    and a warning says how many.

    Raises:
        ArgumentError: no file is there, or there is no such encoding.
        RecordError: when it is read, a line that does not decode; it names file and line.
        StorageError: when it is read, a file that cannot be.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "poem.txt"
        >>> _ = path.write_text("so much depends\nupon\n")
        >>> from_text(path).collect()
        ['so much depends', 'upon']
    """
    return _stream(text_source(with_addresses(paths), encoding=encoding, on_error=on_error))


def from_jsonl(paths: Files, *, on_error: OnError = "raise") -> Stream[Any]:
    r"""A Stream over the values of JSON Lines files, one a line.

    `paths` is a file, a folder, a pattern such as "data/*.jsonl", an address such as
    "s3://bucket/*.jsonl", or a list of these; names that end in .gz, .bz2, .xz or .zst are
    decompressed. Empty lines are passed over. With `on_error="skip"` lines that
    do not parse are left out, and a warning says how many.

    Raises:
        ArgumentError: no file is there.
        RecordError: when it is read, a line that does not parse; it names file and line.
        StorageError: when it is read, a file that cannot be.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "runs.jsonl"
        >>> _ = path.write_text('{"step": 1}\n{"step": 2}\n')
        >>> from_jsonl(path).collect()
        [{'step': 1}, {'step': 2}]
    """
    return _stream(jsonl_source(with_addresses(paths), on_error=on_error))


def from_csv(
    paths: Files,
    *,
    columns: Sequence[str] | None = None,
    types: Mapping[str, ColumnType] | None = None,
    delimiter: str | None = None,
    quotechar: str | None = '"',
    encoding: str = "utf-8",
    on_error: OnError = "raise",
) -> Stream[dict[str, Any]]:
    r"""A Stream over the rows of CSV files, a dict each, by the names in the header.

    `paths` is a file, a folder, a pattern such as "data/*.csv", an address such as
    "s3://bucket/*.csv", or a list of these; names that end in .gz, .bz2, .xz or .zst are
    decompressed. Files without a header need `columns`, their names. The
    delimiter is a tab for .tsv and a comma for others.

    Each column has one type. Those not in `types` are inferred from the first 1,000 rows: the
    first of int, float, bool (true and false) and str that all their values are. Numbers with
    leading zeros, or beyond 64 bits, are text. An empty field is None, in a column of str "".
    With `on_error="skip"` rows that do not fit are left out, and a warning says how many.

    Raises:
        ArgumentError: no file is there, or a parameter is none that is accepted.
        RecordError: a header names a column twice; when it is read, a row with more or fewer
            fields, or a value of another type. It names file and line.
        StorageError: a file cannot be read.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "people.csv"
        >>> _ = path.write_text("name,age\nAda,36\nAlan,41\n")
        >>> from_csv(path).collect()
        [{'name': 'Ada', 'age': 36}, {'name': 'Alan', 'age': 41}]
        >>> from_csv(path, types={"age": float}).collect()[0]
        {'name': 'Ada', 'age': 36.0}
    """
    return _stream(
        csv_source(
            with_addresses(paths),
            columns=columns,
            types=types,
            delimiter=delimiter,
            quotechar=quotechar,
            encoding=encoding,
            on_error=on_error,
        )
    )


def from_parquet(paths: Files, *, columns: Sequence[str] | None = None) -> Stream[dict[str, Any]]:
    """A Stream over the rows of Parquet files, a dict each, file by file.

    `paths` is a file, a folder, a pattern such as "data/*.parquet", an address such as
    "s3://bucket/*.parquet", or a list of these; of `columns` only these are read. The end of each
    file is read now, so the length is known; the rows are read batch by batch. Lists of numbers
    are arrays, times are of NumPy, decimals text.

    Raises:
        ArgumentError: no file is there, or a file has no column of that name.
        RecordError: a file has other columns than the first, or a column of another type.
        IntegrityError: a file is damaged, or none of Parquet.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import pyarrow.parquet
        >>> path = Path(tempfile.mkdtemp()) / "digits.parquet"
        >>> table = pyarrow.table({"pixels": [[0, 3], [1, 2]], "label": [7, 9]})
        >>> pyarrow.parquet.write_table(table, path)
        >>> from_parquet(path).collect()[1]
        {'pixels': array([1, 2]), 'label': 9}
    """
    found = located(with_addresses(paths), suffixes=PARQUET_SUFFIXES)
    return _stream(parquet_source(found, columns=columns))


def from_arrow(paths: Paths) -> Stream[dict[str, Any]]:
    """A Stream over the rows of Arrow IPC or Feather files, with random access.

    `paths` is a file, a folder, a pattern such as "data/*.arrow", or a list of these. Files are
    read in a memory map; compressed ones are decompressed into memory now.

    Raises:
        ArgumentError: no file is there.
        RecordError: a file has other columns than the first.
        IntegrityError: a file is damaged, or none of Arrow.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import pyarrow.feather
        >>> path = Path(tempfile.mkdtemp()) / "names.feather"
        >>> pyarrow.feather.write_feather(pyarrow.table({"name": ["Ada", "Alan"]}), path)
        >>> from_arrow(path).collect()
        [{'name': 'Ada'}, {'name': 'Alan'}]
    """
    return _stream(arrow_source(matched(paths, suffixes=ARROW_SUFFIXES)))


def from_numpy(path: str | os.PathLike[str]) -> Stream[Any]:
    """A Stream over the rows of an array file.

    A .npy file is memory mapped: a record is a row, and nothing is read before it is asked for. A
    .npz file is read into memory: a record is a dict of one row of each of its arrays.

    Raises:
        ArgumentError: no such file, no array file, or arrays of different lengths.
        PickleRefused: it holds Python objects.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> path = Path(tempfile.mkdtemp()) / "points.npz"
        >>> np.savez(path, x=np.arange(6).reshape(2, 3), label=np.array(["a", "b"]))
        >>> from_numpy(path).collect()[1]
        {'x': array([3, 4, 5]), 'label': np.str_('b')}
    """
    return _stream(numpy_source(path))


def from_image_folder(
    folder: str | os.PathLike[str], *, decode: bool = False, on_error: OnError = "raise"
) -> Stream[dict[str, Any]]:
    r"""A Stream over the images in folders that stand for classes.

    The images in `folder/<class>/**` come class by class, sorted by path. A record is
    {"path": str, "image": bytes, "label": int, "label_name": str}: the file as it is, and the
    place of its class among the sorted folders. With `decode` the image is an array. Hidden and
    other files, and what lies beside the class folders, are passed over.

    An image is known by its first bytes, whatever its name says, and must have its end. With
    `on_error="skip"` all files are read (and decoded) at once, those that cannot be are left
    out, and a warning says how many.

    **Shape**: `(height, width, 3)` uint8 with `decode`, RGB, as the file has it: not turned by
    EXIF.

    Raises:
        ArgumentError: there is no such folder, or no class folder or image in it.
        RecordError: when it is read, an image that cannot be; it names the file.
        MissingExtra: `decode` without Pillow; simplejpeg is used too where it is installed.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("cat", "dog"):
        ...     (folder / name).mkdir()
        ...     _ = (folder / name / "1.gif").write_bytes(b"GIF89a ...\0;")
        >>> from_image_folder(folder).collect()[1]
        {'path': 'dog/1.gif', 'image': b'GIF89a ...\x00;', 'label': 1, 'label_name': 'dog'}
    """
    return _stream(image_folder_source(folder, decode=decode, on_error=on_error))


def from_audio_folder(folder: str | os.PathLike[str]) -> Stream[dict[str, Any]]:
    """A Stream over the audio files in folders that stand for classes.

    The files in `folder/<class>/**` come class by class, sorted by path. A record is
    {"path": str, "audio": bytes, "label": int, "label_name": str}: the file as it is, and the
    place of its class among the sorted folders. Hidden and other files, and what lies beside the
    class folders, are passed over. `.map(hr.decode.audio(field="audio"))` decodes them.

    Raises:
        ArgumentError: there is no such folder, or no class folder or audio file in it.
        RecordError: when it is read, a file that is gone or empty.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "rain").mkdir()
        >>> _ = (folder / "rain" / "1.wav").write_bytes(b"RIFF...")
        >>> from_audio_folder(folder).collect()
        [{'path': 'rain/1.wav', 'audio': b'RIFF...', 'label': 0, 'label_name': 'rain'}]
    """
    return _stream(audio_folder_source(folder))


def from_hdf5(
    path: str | os.PathLike[str], datasets: Sequence[str] | None = None
) -> Stream[dict[str, Any]]:
    """A Stream over the rows of datasets in an HDF5 file, with random access.

    A record is a dict of one row of each of `datasets`, by their paths in the file; without it,
    of all datasets that have a first axis. They must be equally long. Text is str.

    **Cost**: h5py reads with one thread at a time. A run of rows is one read; rows in another
    order are found one by one, and a compressed chunk is decompressed for each visit to it.

    Raises:
        ArgumentError: no such file or dataset, none of HDF5, or datasets of different lengths.
        MissingExtra: h5py is not installed.
        IntegrityError: when it is read, a file that is cut off or damaged.
    """
    return _stream(hdf5_source(path, datasets))


def from_lmdb(path: str | os.PathLike[str], *, allow_pickle: bool = False) -> Stream[Any]:
    """A Stream over the values of an LMDB database, in the order of their keys.

    `path` is the file, or the folder of its data.mdb. Where TensorPack's LMDBSerializer or YogaDL
    wrote it, a record is the datapoint: from msgpack with arrays, or from pickle where
    `allow_pickle` says that its writer is trusted. Otherwise it is {"key": bytes, "value": bytes}.
    Random access; each process lists the keys once.

    Raises:
        ArgumentError: there is no database, or it is open elsewhere in this process.
        PickleRefused: it holds pickles, as TensorPack and YogaDL write.
        MissingExtra: lmdb is not installed.
        RecordError: when it is read, a value that is no datapoint; it names the key.
    """
    return _stream(lmdb_source(path, allow_pickle=allow_pickle))


def from_mds(path: str | os.PathLike[str], *, allow_pickle: bool = False) -> Stream[dict[str, Any]]:
    """A Stream over the records of an MDS folder, with random access.

    MosaicML's MDSWriter wrote it; it is local, and its shards are not compressed. They are read
    by mosaicml-streaming, without its shared memory. Columns of the encoding "pkl" need
    `allow_pickle`.

    Raises:
        ArgumentError: no such folder, no MDS in it, or shards that are not there.
        PickleRefused: a column is pickled.
        MissingExtra: mosaicml-streaming is not installed.
        IntegrityError: when it is read, a shard that is cut off.
    """
    return _stream(mds_source(path, allow_pickle=allow_pickle))


def from_litdata(path: str | os.PathLike[str], *, allow_pickle: bool = False) -> Stream[Any]:
    """A Stream over the records of a LitData folder, with random access.

    `litdata.optimize` wrote it; it is local. litdata reads it, with one thread at a time, and
    needs torch. Leaves of the formats "pickle" and "graph" need `allow_pickle`.

    Raises:
        ArgumentError: no such folder, no LitData in it, or chunks that are not there.
        PickleRefused: a leaf is pickled.
        MissingExtra: litdata is not installed.
        IntegrityError: when it is read, a chunk that is cut off.
    """
    return _stream(litdata_source(path, allow_pickle=allow_pickle))


def from_tar(paths: Files, *, decode: bool = False) -> Stream[dict[str, Any]]:
    """A Stream over the records of WebDataset tars, one tar after the other.

    `paths` is a file, a folder, a pattern such as "data/*.tar", an address such as
    "s3://bucket/*.tar", or a list of these. A record is the files that follow each other and have
    one path up to the first dot of the name: {"__key__": "train/0001", "jpg": bytes, "cls": bytes}.
    Tars of this machine have random access by an index of their headers, which are read once;
    compressed and remote ones can only be drawn from.

    With `decode` json, txt, npy and the numbers in cls, cls2 and index are Python values and
    arrays; jpg, jpeg and png are arrays of shape `(height, width, 3)` uint8. Others stay bytes.

    Raises:
        ArgumentError: no such file, no tar, one that is cut off, or no record.
        RecordError: a record has other files than those before it, one of them twice, or one
            that cannot be decoded. It names key and tar.

    Example:
        >>> import io, tarfile, tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "train.tar"
        >>> with tarfile.open(path, "w") as tar:
        ...     for name, content in {"1.txt": b"ten", "1.cls": b"4"}.items():
        ...         member = tarfile.TarInfo(name)
        ...         member.size = len(content)
        ...         tar.addfile(member, io.BytesIO(content))
        >>> from_tar(path, decode=True).collect()
        [{'__key__': '1', 'txt': 'ten', 'cls': 4}]
    """
    return _stream(tar_source(with_addresses(paths), decode=decode))


def _stream(source: Any) -> Stream[Any]:
    return stream(source)
