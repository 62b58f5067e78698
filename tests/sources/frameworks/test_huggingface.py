"""Datasets of Hugging Face are sources, read in columns where they give Python values."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import EncodedImage
from headrace.contracts.block import Columns
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.sources import Intake, opened

# Any, in this file: the package has no types, and records hold values of every type.

COUNT = 20


@pytest.fixture
def hf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The package, kept from the network and from the user's cache."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "hf"))
    datasets = pytest.importorskip("datasets")
    # It reads the environment once, when it is imported.
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    datasets.disable_progress_bars()
    return datasets


def digits(hf: Any) -> Any:
    return hf.Dataset.from_dict(
        {
            "n": list(range(COUNT)),
            "s": [f"text {n}" for n in range(COUNT)],
            "x": [[n / 2, 1.0] for n in range(COUNT)],
            "label": [n % 3 for n in range(COUNT)],
        },
        features=hf.Features(
            {
                "n": hf.Value("int64"),
                "s": hf.Value("string"),
                "x": hf.List(hf.Value("float32"))
                if hasattr(hf, "List")
                else hf.Sequence(hf.Value("float32")),
                "label": hf.ClassLabel(names=["a", "b", "c"]),
            }
        ),
    )


def plain(records: Any) -> list[Any]:
    """The records with lists for arrays, as the package has them."""
    return [
        {key: getattr(one, "tolist", lambda one=one: one)() for key, one in record.items()}
        for record in records
    ]


def test_a_dataset_is_stored_and_streamed_in_columns(hf: Any, tmp_path: Path) -> None:
    dataset = digits(hf)
    ref = hr.Storage(tmp_path).submit(dataset, "digits", "1")
    assert plain(ref.stream().collect()) == plain(hr.stream(dataset).collect()) == list(dataset)
    assert all(isinstance(block, Columns) for block in Intake(dataset))
    assert ref[0]["x"].dtype == np.float32


@pytest.mark.parametrize("how", ["shuffle", "select", "columns", "concatenate", "filter"])
def test_what_was_selected_is_what_is_read(hf: Any, how: str) -> None:
    dataset = digits(hf)
    chosen = {
        "shuffle": lambda: dataset.shuffle(seed=1),
        "select": lambda: dataset.select([7, 3, 3, 0]),
        "columns": lambda: dataset.with_format(None, columns=["s", "n"]),
        "concatenate": lambda: hf.concatenate_datasets([dataset.select(range(15, 20)), dataset]),
        "filter": lambda: dataset.filter(lambda record: record["n"] > 10),
    }[how]()
    records = hr.stream(chosen).collect()
    assert plain(records) == list(chosen)
    ref = hr.DataRef.from_sequence(chosen)
    indices = np.array([2, 0, 3])
    assert plain(ref.read(indices)) == [chosen[int(index)] for index in indices]
    assert plain(row for block in Intake(chosen, limit=3) for row in block) == records_of(chosen, 3)


def records_of(dataset: Any, count: int) -> list[Any]:
    return [dataset[index] for index in range(count)]


def test_the_names_of_labels_are_kept_with_the_version(hf: Any) -> None:
    origin = Intake(digits(hf)).origin
    assert origin["kind"] == "hugging face"
    assert origin["label_names"] == {"label": ["a", "b", "c"]}
    assert "ClassLabel" in origin["features"]
    deep = hf.Features(
        {"s": {"one": hf.ClassLabel(names=["x"])}, "l": hf.Sequence(hf.ClassLabel(names=["y"]))}
    )
    dataset = hf.Dataset.from_dict({"s": [{"one": 0}], "l": [[0]]}, features=deep)
    assert Intake(dataset).origin["label_names"] == {"s.one": ["x"], "l": ["y"]}


def test_the_identity_follows_what_is_in_it(hf: Any) -> None:
    one = opened(digits(hf))
    assert one.identity == opened(digits(hf)).identity  # type: ignore[union-attr]
    assert one.identity != opened(digits(hf).select([0])).identity  # type: ignore[union-attr]


def test_a_dataset_of_files_is_pickled_by_its_files(hf: Any) -> None:
    def made() -> Iterator[dict[str, Any]]:
        for n in range(50):
            yield {"n": n, "x": np.full(2000, n)}

    records = opened(hf.Dataset.from_generator(made))
    pickled = pickle.dumps(records)
    assert len(pickled) < 50 * 2000
    assert pickle.loads(pickled).read(np.array([7]))[0]["n"] == 7


@pytest.mark.parametrize("shape", [(2, 3), (None, 3)], ids=str)
def test_arrays_have_their_shape(hf: Any, tmp_path: Path, shape: tuple[Any, ...]) -> None:
    extents = [2, 2, 2] if shape[0] else [1, 3, 2]
    arrays = [np.arange(3 * extent, dtype=np.int32).reshape(extent, 3) for extent in extents]
    features = hf.Features({"x": hf.Array2D(shape, "int32")})
    dataset = hf.Dataset.from_dict({"x": arrays}, features=features)
    for records in (
        hr.stream(dataset).collect(),
        stored(dataset, tmp_path),
    ):
        assert [row["x"].tolist() for row in records] == [array.tolist() for array in arrays]
        assert {row["x"].dtype for row in records} == {np.dtype(np.int32)}
    backwards = opened(dataset).read(np.array([2, 0]))  # type: ignore[union-attr]
    assert [row["x"].tolist() for row in backwards] == [arrays[2].tolist(), arrays[0].tolist()]


def test_arrays_may_be_missing(hf: Any) -> None:
    features = hf.Features({"x": hf.Array3D((2, 1, 3), "float64")})
    arrays: list[Any] = [None if n % 3 == 0 else np.full((2, 1, 3), n) for n in range(9)]
    records = opened(hf.Dataset.from_dict({"x": arrays}, features=features))
    for indices in (np.arange(9), np.arange(2, 7), np.array([8, 0, 3, 1])):
        for index, row in zip(indices.tolist(), records.read(indices), strict=True):  # type: ignore[union-attr]
            assert np.array_equal(row["x"], arrays[index])


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_a_format_is_honoured(hf: Any, kind: str) -> None:
    pytest.importorskip(kind)
    dataset = digits(hf).with_format(kind, columns=["n", "x"])
    found, expected = hr.stream(dataset).collect(), list(dataset)
    assert [type(row["x"]) for row in found] == [type(row["x"]) for row in expected]
    assert [row["x"].tolist() for row in found] == [row["x"].tolist() for row in expected]


def test_a_transform_is_run(hf: Any) -> None:
    dataset = digits(hf).with_transform(lambda batch: {"double": [2 * n for n in batch["n"]]})
    assert (
        hr.stream(dataset).collect() == list(dataset) == [{"double": 2 * n} for n in range(COUNT)]
    )


def stored(dataset: Any, folder: Path) -> list[Any]:
    """The records after a way through storage."""
    return hr.Storage(folder).submit(dataset, "a", "1").stream().collect()


def test_a_transform_that_fails_names_the_indices(hf: Any) -> None:
    def fail(batch: Any) -> Any:
        raise KeyError("the user's bug")

    with pytest.raises(KeyError, match="the user's bug") as failure:
        hr.stream(digits(hf).with_transform(fail)).skip(3).take(1).collect()
    assert any("for the indices [3]" in note for note in failure.value.__notes__)


def image_bytes(color: int, form: str, **options: Any) -> bytes:
    pillow = pytest.importorskip("PIL.Image")
    sink = io.BytesIO()
    pillow.new("RGB", (4, 2), (color, 0, 0)).save(sink, form, **options)
    return sink.getvalue()


def test_images_keep_their_bytes_and_come_back_as_images(hf: Any, tmp_path: Path) -> None:
    files = [image_bytes(10, "PNG"), image_bytes(200, "JPEG")]
    (tmp_path / "b.jpg").write_bytes(files[1])
    rows = [
        {"bytes": files[0], "path": None},
        {"bytes": None, "path": str(tmp_path / "b.jpg")},
        None,
    ]
    dataset = hf.Dataset.from_dict({"image": rows}, features=hf.Features({"image": hf.Image()}))

    encoded = [row["image"] for block in Intake(dataset) for row in block]
    assert encoded == [*map(EncodedImage, files), None]
    ref = hr.Storage(tmp_path / "cache").submit(dataset.select([0, 1]), "images", "1")
    for records in (ref.stream().collect(), hr.stream(dataset).collect()[:2]):
        pixels = [np.asarray(row["image"]).tolist() for row in records]
        assert pixels == [np.asarray(dataset[at]["image"]).tolist() for at in (0, 1)]
    assert hr.stream(dataset).collect()[2] == {"image": None}


def test_an_image_that_the_package_changes_is_stored_as_it_gives_it(hf: Any) -> None:
    pillow = pytest.importorskip("PIL.Image")
    exif = pillow.Exif()
    exif[0x0112] = 6
    turned = {"bytes": image_bytes(9, "JPEG", exif=exif), "path": None}
    for feature in (hf.Image(), hf.Image(mode="L")):
        dataset = hf.Dataset.from_dict({"i": [turned]}, features=hf.Features({"i": feature}))
        (image,) = (row["i"] for block in Intake(dataset) for row in block)
        assert (image.size, image.mode) == ((2, 4), feature.mode or "RGB")


@pytest.mark.parametrize("file", [{"bytes": b"no image"}, {"path": "gone.png"}], ids=str)
def test_an_unreadable_image_names_its_row(hf: Any, file: dict[str, Any]) -> None:
    good = {"bytes": image_bytes(1, "PNG"), "path": None}
    rows = [good, good, {"bytes": None, "path": None, **file}]
    dataset = hf.Dataset.from_dict({"i": rows}, features=hf.Features({"i": hf.Image()}))
    message = (
        r"image in column 'i' of row 2 cannot be read \(.*Error\). Leave it out with ds.filter"
    )
    with pytest.raises(RecordError, match=message):
        list(Intake(dataset))
    with pytest.raises(RecordError, match=message):
        hr.stream(dataset).collect()


def test_images_that_are_not_decoded_stay_files(hf: Any) -> None:
    row = {"bytes": image_bytes(1, "PNG"), "path": None}
    features = hf.Features({"i": hf.Image(decode=False)})
    dataset = hf.Dataset.from_dict({"i": [row]}, features=features)
    assert hr.stream(dataset).collect() == [{"i": row}]


def test_splits_are_chosen_by_the_user(hf: Any) -> None:
    splits = hf.DatasetDict({"train": digits(hf), "test": digits(hf)})
    with pytest.raises(
        ArgumentError, match=r"a DatasetDict of the splits 'train', 'test'.*ds\['train'\]"
    ):
        hr.stream(splits)


def test_a_streamed_dataset_is_read_in_tables(hf: Any, tmp_path: Path) -> None:
    dataset = digits(hf)
    streamed = dataset.to_iterable_dataset()
    assert all(isinstance(block, Columns) for block in Intake(streamed))
    ref = hr.Storage(tmp_path).submit(streamed, "digits", "1")
    assert plain(ref.stream().collect()) == list(dataset) == hr.stream(streamed).collect()
    assert Intake(streamed).origin["label_names"] == {"label": ["a", "b", "c"]}
    assert plain(row for block in Intake(streamed.skip(2), limit=3) for row in block) == list(
        dataset.select([2, 3, 4])
    )


def test_a_streamed_dataset_of_a_function_gives_its_records(hf: Any) -> None:
    drawn: list[int] = []

    def made() -> Iterator[dict[str, Any]]:
        for n in range(100):
            drawn.append(n)
            yield {"n": n, "s": "a"}

    streamed = hf.IterableDataset.from_generator(made)
    assert list(Intake(streamed, limit=3)) == [
        [{"n": 0, "s": "a"}],
        [{"n": 1, "s": "a"}, {"n": 2, "s": "a"}],
    ]
    assert drawn == [0, 1, 2]
    doubled = digits(hf).to_iterable_dataset().map(lambda record: {"n": 2 * record["n"]})
    assert [row["n"] for row in hr.stream(doubled).collect()] == [2 * n for n in range(COUNT)]


def test_a_dataset_that_repeats_without_end_needs_a_limit(hf: Any) -> None:
    endless = digits(hf).to_iterable_dataset().repeat(None)
    with pytest.raises(ArgumentError, match="never ends.*limit="):
        Intake(endless)
    assert sum(map(len, Intake(endless, limit=2 * COUNT))) == 2 * COUNT
    assert sum(map(len, Intake(endless.take(5)))) == 5
