"""Images are decoded from whatever leads to them, at the size that is asked for."""

from __future__ import annotations

import io
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import EncodedImage
from headrace.contracts.errors import ArgumentError, MissingExtra, RecordError

# Any, in this file: Pillow is optional.


@pytest.fixture
def pillow() -> Any:
    return pytest.importorskip("PIL.Image")


@pytest.fixture
def photograph(pillow: Any) -> Any:
    """An image of 120 rows and 200 columns in which neighbours are alike, as in photographs."""
    rows, columns = np.mgrid[:120, :200]
    array = np.stack([rows, columns, 255 - columns], axis=-1).astype(np.uint8)
    return pillow.fromarray(array)


def saved(image: Any, kind: str, **options: Any) -> bytes:
    sink = io.BytesIO()
    image.save(sink, kind, **options)
    return sink.getvalue()


def test_an_image_is_read_from_bytes_files_paths_and_images(
    photograph: Any, tmp_path: Path
) -> None:
    encoded = saved(photograph, "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(encoded)
    array = np.array(photograph)
    decode = hr.decode.image()

    with path.open("rb") as file:
        given = [
            *(encoded, bytearray(encoded), memoryview(encoded), np.frombuffer(encoded, np.uint8)),
            *(EncodedImage(encoded), str(path), path, file, photograph),
        ]
        for one in given:
            found = decode(one)
            assert (found.dtype, found.shape) == (np.uint8, (120, 200, 3))
            np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(60, 100), (50, 40), (240, 300), (120, 200)])
def test_a_size_is_height_and_width(
    pillow: Any, photograph: Any, kind: str, size: tuple[int, int]
) -> None:
    found = hr.decode.image(size)(saved(photograph, kind))
    grey = hr.decode.image(size, mode="L")(saved(photograph, kind))

    bilinear = pillow.Resampling.BILINEAR
    expected = np.array(photograph.resize(size[::-1], bilinear)).astype(int)
    assert found.shape == (*size, 3)
    assert grey.shape == size
    # The scales of a JPEG and its loss change a smooth picture by little.
    assert np.abs(found - expected).mean() < 3
    assert np.abs(grey - np.array(pillow.fromarray(found).convert("L")).astype(int)).mean() < 3


def test_images_of_pillow_are_resized_and_made_grey(pillow: Any, photograph: Any) -> None:
    found = hr.decode.image((60, 100), mode="L")(photograph)

    expected = photograph.convert("L").resize((100, 60), pillow.Resampling.BILINEAR)
    np.testing.assert_array_equal(found, np.array(expected))


def test_a_field_is_decoded_in_place_and_the_record_is_left_alone(photograph: Any) -> None:
    record = {"image": saved(photograph, "JPEG"), "label": 4}

    found = hr.stream([record]).map(hr.decode.image(field="image")).collect()[0]

    assert list(found) == ["image", "label"]
    assert (found["image"].shape, found["label"]) == ((120, 200, 3), 4)
    assert type(record["image"]) is bytes


def test_it_pickles_compares_and_prints() -> None:
    decode = hr.decode.image((4, np.int64(6)), mode="L", field="x")  # type: ignore[arg-type]

    assert (
        pickle.loads(pickle.dumps(decode)) == decode == hr.decode.image([4, 6], mode="L", field="x")
    )
    assert repr(decode) == "ImageDecoder(size=(4, 6), mode='L', field='x')"


def test_threads_decode_an_image_folder_the_same(photograph: Any, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number in range(8):
        photograph.rotate(number).save(tmp_path / "a" / f"{number}.jpg")
    stream = hr.from_image_folder(tmp_path).map(hr.decode.image((30, 40), field="image")).batch(4)

    inline = [batch["image"] for batch in hr.DataLoader(stream)]
    threads = [batch["image"] for batch in hr.DataLoader(stream, backend=hr.Threads(2))]

    assert [batch.shape for batch in inline] == [(4, 30, 40, 3)] * 2
    np.testing.assert_array_equal(inline, threads)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"no image", r"the image 8 bytes that begin with b'no image' cannot be decoded: Unident"),
        (b"", r"the image 0 bytes that begin with b'' cannot be decoded"),
        ("no/such/file.png", r"the image 'no/such/file\.png' cannot be decoded: FileNotFoundError"),
        (7, r"hr\.decode\.image needs bytes, an open file or a path, got int"),
        (np.zeros((2, 2)), r"got an array of shape \(2, 2\) and dtype float64"),
        (io.StringIO("text"), r'needs a file opened for bytes.*gave str.*mode "rb"'),
        ({"image": b"", "label": 1}, r"got a dict with the fields 'image', 'label'\. Name the one"),
    ],
    ids=["bytes", "empty", "path", "int", "array", "text file", "dict"],
)
def test_what_cannot_be_decoded_is_an_error_that_names_it(
    pillow: Any, value: Any, message: str
) -> None:
    with pytest.raises(RecordError, match=message):
        hr.decode.image()(value)


def test_a_cut_jpeg_is_an_error_that_keeps_its_cause(photograph: Any, tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    path.write_bytes(saved(photograph, "JPEG")[:700])

    with pytest.raises(RecordError, match=r"cut\.jpg' cannot be decoded: OSError") as caught:
        hr.decode.image()(path)
    assert isinstance(caught.value.__cause__, OSError)


def test_a_field_that_is_not_there_is_an_error_that_lists_the_near_ones() -> None:
    with pytest.raises(RecordError, match=r"needs a dict with that field, got dict.*'image'"):
        hr.decode.image(field="imagee")({"image": b"", "label": 1})
    with pytest.raises(RecordError, match=r"got bytes\. Leave field out"):
        hr.decode.image(field="image")(b"")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 224}, r"size must be \(height, width\), got 224"),
        ({"size": (1, 2, 3)}, r"size must be \(height, width\), got \(1, 2, 3\)"),
        ({"size": (0, 5)}, r"the height in size must be a whole number of at least 1, got 0"),
        ({"size": (5, 2.5)}, r"the width in size must be a whole number of at least 1, got 2\.5"),
        ({"mode": "CMYK"}, r'mode must be "RGB" or "L", got \'CMYK\''),
        ({"field": 3}, r"field must be the name of a field of the records, got 3"),
    ],
    ids=["number", "three", "zero", "float", "mode", "field"],
)
def test_bad_arguments_are_refused_where_they_are_written(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        hr.decode.image(**arguments)


def test_without_pillow_the_first_record_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)

    with pytest.raises(MissingExtra, match=r"pip install 'headrace\[image\]'"):
        hr.stream([b"GIF89a"]).map(hr.decode.image()).collect()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_of_16_bits_the_upper_8_are_kept(pillow: Any, kind: str) -> None:
    deep = np.arange(0, 2**16, 64, dtype=np.uint16).reshape(32, 32)
    image = pillow.fromarray(deep)

    for given in (saved(image, kind), image):
        np.testing.assert_array_equal(hr.decode.image(mode="L")(given), deep >> 8)
        np.testing.assert_array_equal(hr.decode.image()(given)[..., 2], deep >> 8)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_pixels_without_a_known_range_are_refused(pillow: Any, dtype: Any) -> None:
    encoded = saved(pillow.fromarray(np.zeros((4, 4), dtype)), "TIFF")

    with pytest.raises(RecordError, match=r"mode '[IF]', whose range is not known; scale them"):
        hr.decode.image()(encoded)
