"""The data sets of the benchmarks: made once, from seeds, and compared with what peers give."""

# Any, in this file: fields hold arrays of every dtype and values of every type.
from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.sizes import SHAPES, Shape

VOCABULARY = 50_257
# Crops of 240-300 pixels, enlarged and encoded like this, have 60 KB on average.
CROP_LEAST, CROP_MOST, JPEG_SIDE, JPEG_QUALITY = 240, 300, 448, 95
# Photographs in colour that are in scikit-image's wheel; scikit-learn's two join them.
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field")
# Nine words of 2-9 letters with their spaces have about 60 characters.
WORDS_A_TEXT, WORDS = 9, 4096
# Rows made at once, so that making a data set needs little memory.
ROWS_A_PIECE = 10_000


class Packed(Sequence[Any]):
    """Values of varying length: one buffer and the offsets of each value in it."""

    def __init__(
        self, payload: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], *, is_text: bool
    ) -> None:
        self.payload = payload
        self.offsets = offsets
        self.is_text = is_text

    @property
    def view(self) -> memoryview:
        """The buffer, to be sliced without a copy."""
        return self.payload.data

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: Any) -> Any:
        raw = self.payload[self.offsets[index] : self.offsets[index + 1]].tobytes()
        return raw.decode() if self.is_text else raw


Field = npt.NDArray[Any] | Packed


@dataclass(frozen=True)
class Workload:
    """One data set, mapped: its fields by name, each as long as the set."""

    name: str
    shape: Shape
    fields: Mapping[str, Field]

    def __len__(self) -> int:
        return len(next(iter(self.fields.values())))

    def record(self, index: int) -> dict[str, Any]:
        """One record as a user's loader would give it: Python numbers, arrays, str, bytes."""
        return {name: _value(field, index) for name, field in self.fields.items()}

    def records(self) -> Iterator[dict[str, Any]]:
        """All records, one by one."""
        for index in range(len(self)):
            yield self.record(index)

    def made(self) -> Iterator[dict[str, Any]]:
        """All records, made beforehand: drawing them costs a writer nothing."""
        return iter(list(self.records()))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The fields as arrays, where all are."""
        return {name: np.asarray(field) for name, field in self.fields.items()}

    def check(self, batch: Mapping[str, Any], *, is_shuffled: bool = True) -> None:
        """Compares a batch with the source rows: values, shapes, dtypes, shuffled or not.

        Raises:
            ValueError: a difference, by field and row.
        """
        ids = self.ids(batch)
        expected = min(self.shape.batch_size, len(self))
        if len(ids) != expected or len(set(ids)) != len(ids):
            raise ValueError(f"expected {expected} different rows, got {ids[:8]}... of {len(ids)}")
        if (ids == sorted(ids)) is is_shuffled:
            raise ValueError(f"expected rows that are shuffled: {is_shuffled}, got {ids[:8]}")
        if set(batch) != set(self.fields):
            raise ValueError(f"expected the fields {list(self.fields)}, got {list(batch)}")
        for name, field in self.fields.items():
            _compare(name, field, ids, batch[name])

    def check_record(self, record: Mapping[str, Any]) -> None:
        """Compares one record with its source row: keys, types, values.

        Raises:
            ValueError: a difference, by field.
        """
        (index,) = self.ids({name: [value] for name, value in record.items()})
        for name, wanted in self.record(index).items():
            got = record[name]
            is_same = type(got) is type(wanted) and np.array_equal(got, wanted)
            if not is_same or getattr(got, "dtype", None) != getattr(wanted, "dtype", None):
                raise ValueError(f"{name} of row {index} is {got!r}, expected {wanted!r}")

    def ids(self, batch: Mapping[str, Any]) -> list[int]:
        """Which rows a batch holds: each row carries its number."""
        if self.shape.key is not None:
            return [int(value) for value in batch[self.shape.key]]
        (only,) = self.fields
        return [int(np.ravel(value)[0]) for value in batch[only]]


def load(folder: Path, work: str, records: int) -> Workload:
    """Maps a data set that `prepare` made."""
    home = folder / f"{work}-{records}"
    fields: dict[str, Field] = {}
    for name, kind in SHAPES[work].fields.items():
        if kind == "array":
            fields[name] = np.asarray(np.load(home / f"{name}.npy", mmap_mode="r"))
            continue
        payload = np.asarray(np.load(home / f"{name}.npy", mmap_mode="r"))
        offsets = np.load(home / f"{name}.offsets.npy")
        fields[name] = Packed(payload, offsets, is_text=kind == "text")
    return Workload(work, SHAPES[work], fields)


def prepare(folder: Path, work: str, records: int) -> None:
    """Makes a data set unless it is there; renamed into place when whole."""
    home = folder / f"{work}-{records}"
    if home.exists():
        return
    aside = folder / f"{work}-{records}.making"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    _MAKERS[work](aside, records)
    aside.rename(home)


def _value(field: Field, index: int) -> Any:
    value = field[index]
    return value.item() if isinstance(value, np.generic) else value


def _compare(name: str, field: Field, ids: list[int], got: Any) -> None:
    if isinstance(field, Packed):
        for index, value in zip(ids, got, strict=True):
            plain = bytes(value) if isinstance(value, memoryview) else value
            if plain != field[index]:
                raise ValueError(f"row {index} of {name} differs from the source")
        return
    wanted = field[np.array(ids)]
    if not isinstance(got, np.ndarray) or (got.dtype, got.shape) != (wanted.dtype, wanted.shape):
        found = (getattr(got, "dtype", type(got)), getattr(got, "shape", None))
        raise ValueError(f"{name} is {found}, expected {(wanted.dtype, wanted.shape)}")
    if not np.array_equal(got, wanted):
        raise ValueError(f"the values of {name} differ from the source rows")


def _pieces(records: int) -> Iterator[slice]:
    for start in range(0, records, ROWS_A_PIECE):
        yield slice(start, min(start + ROWS_A_PIECE, records))


def _new(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)


def _tokens(home: Path, records: int) -> None:
    rng = np.random.default_rng(1)
    tokens = _new(home / "tokens.npy", (records, 512), np.int32)
    for piece in _pieces(records):
        rows = piece.stop - piece.start
        tokens[piece] = rng.integers(0, VOCABULARY, (rows, 512), dtype=np.int32)
    np.save(home / "label.npy", np.arange(records))


def _images(home: Path, records: int) -> None:
    rng = np.random.default_rng(3)
    images = _new(home / "image.npy", (records, 96, 96, 3), np.float32)
    for row in range(records):
        images[row] = rng.random((96, 96, 3), dtype=np.float32)
        images[row, 0, 0, 0] = row


def _table(home: Path, records: int) -> None:
    rng = np.random.default_rng(4)
    np.save(home / "id.npy", np.arange(records))
    np.save(home / "x.npy", rng.random((records, 16), dtype=np.float32))
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(WORDS)]
    chosen = rng.integers(0, WORDS, (records, WORDS_A_TEXT))
    _pack(home, "text", (" ".join([words[k] for k in row]).encode() for row in chosen.tolist()))


def _crops(home: Path, records: int) -> None:
    photographs = _photographs()
    rng = np.random.default_rng(2)
    crops = (_crop(photographs[row % len(photographs)], rng) for row in range(records))
    _pack(home, "jpeg", crops)
    np.save(home / "label.npy", np.arange(records))


def _photographs() -> list[npt.NDArray[np.uint8]]:
    # Here and in `_crop`: only the process that makes the data has these packages.
    from skimage import data
    from sklearn.datasets import load_sample_images

    named = [getattr(data, name)() for name in PHOTOGRAPHS]
    return [*named, *load_sample_images().images]


def _crop(photograph: npt.NDArray[np.uint8], rng: np.random.Generator) -> bytes:
    from PIL import Image

    side = int(rng.integers(CROP_LEAST, CROP_MOST + 1))
    top = int(rng.integers(photograph.shape[0] - side + 1))
    left = int(rng.integers(photograph.shape[1] - side + 1))
    crop = Image.fromarray(photograph[top : top + side, left : left + side])
    encoded = io.BytesIO()
    crop.resize((JPEG_SIDE, JPEG_SIDE)).save(encoded, "JPEG", quality=JPEG_QUALITY)
    return encoded.getvalue()


def _pack(home: Path, name: str, values: Iterator[bytes]) -> None:
    kept = list(values)
    offsets = np.zeros(len(kept) + 1, np.int64)
    np.cumsum([len(value) for value in kept], out=offsets[1:])
    np.save(home / f"{name}.npy", np.frombuffer(b"".join(kept), np.uint8))
    np.save(home / f"{name}.offsets.npy", offsets)


_MAKERS = {"W1": _tokens, "W2": _crops, "W3": _images, "W4": _table}
