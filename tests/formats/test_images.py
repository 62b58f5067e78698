from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import pytest
from tests.formats.stand_in import MemoryBlobs, all_of, stored

from headrace.contracts import EncodedImage, columns_of
from headrace.contracts.errors import MissingExtra, RecordError
from headrace.formats import StoredRecords

# Any, in this file: images of an optional package.

MODES = [
    "1",
    "L",
    "LA",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "CMYK",
    "YCbCr",
    "LAB",
    "I",
    "F",
    "I;16",
    "I;16B",
]


@pytest.fixture
def pillow() -> Any:
    return pytest.importorskip("PIL.Image")


def image(pillow: Any, mode: str, size: tuple[int, int] = (7, 5), seed: int = 0) -> Any:
    """An image of random pixels, and of random colours where it has a palette."""
    rng = np.random.default_rng(seed)
    raw = rng.bytes(len(pillow.new(mode, size).tobytes()))
    if mode == "F":
        raw = rng.standard_normal(size).astype(np.float32).tobytes()
    made = pillow.frombytes(mode, size, raw)
    if mode in ("P", "PA"):
        made.putpalette(rng.bytes(3 * 256))
    return made


def file(picture: Any, name: str, **how: Any) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, name, **how)
    return sink.getvalue()


@pytest.mark.parametrize("mode", MODES)
def test_images_of_every_mode_come_back_equal(pillow: Any, mode: str) -> None:
    pictures = [image(pillow, mode, (3 + seed, 5), seed) for seed in range(4)]
    got = all_of(stored([[{"x": picture, "n": 1} for picture in pictures]], shard_bytes=900))
    assert [row["x"] for row in got] == pictures
    assert {type(row["x"]) for row in got} == {pillow.Image}


def test_images_may_be_none_and_read_in_any_order(pillow: Any) -> None:
    pictures = [None if seed % 3 == 1 else image(pillow, "RGB", seed=seed) for seed in range(20)]
    held = stored([[{"x": picture} for picture in pictures]], shard_bytes=500)
    assert str(held.schema) == "{'x': image | None}"
    asked = np.array([19, 3, 4, 4, 0])
    assert [row["x"] for row in held.read(asked).rows()] == [pictures[at] for at in asked]
    assert stored([held.read(np.arange(20))], shard_bytes=500).manifest == held.manifest


@pytest.mark.parametrize("colours", [0, 2], ids=str)
def test_pixels_beyond_the_palette_are_kept(pillow: Any, colours: int) -> None:
    # So are masks of classes that mark what has none with 255.
    picture = pillow.frombytes("P", (2, 2), bytes([0, 1, 200, 255]))
    if colours:
        picture.putpalette(bytes(range(3 * colours)))
    (got,) = all_of(stored([[picture]]))
    assert (got.mode, got.tobytes()) == ("P", picture.tobytes())
    assert got.getpalette()[: 3 * colours] == list(range(3 * colours))


def test_what_turns_and_hides_pixels_is_kept(pillow: Any) -> None:
    exif = pillow.Exif()
    exif[0x0112] = 6
    turned = pillow.open(io.BytesIO(file(image(pillow, "RGB"), "JPEG", exif=exif)))
    clear = image(pillow, "P")
    clear.info["transparency"] = 3
    got = all_of(stored([[turned, clear]]))
    assert got[0].getexif()[0x0112] == 6
    assert got[0].tobytes() == turned.tobytes()
    assert got[1].convert("RGBA").tobytes() == clear.convert("RGBA").tobytes()


def test_an_encoded_image_keeps_its_bytes_and_comes_back_decoded(pillow: Any) -> None:
    picture = image(pillow, "RGB", (40, 30))
    jpeg = file(picture, "JPEG", quality=50)
    blobs = MemoryBlobs()
    block = columns_of({"x": [EncodedImage(jpeg), EncodedImage(file(picture, "WEBP"))]})
    held = stored([block, [{"x": picture}]], blobs)
    (shard,) = blobs.held.values()
    assert jpeg in shard
    assert str(held.schema) == "{'x': image}"
    got = [row["x"] for row in all_of(held)]
    assert got[0].tobytes() == pillow.open(io.BytesIO(jpeg)).tobytes()
    assert [one.size for one in got] == [(40, 30)] * 3
    assert got[2] == picture
    assert "b'" not in repr(EncodedImage(jpeg))


def test_a_file_that_is_opened_and_not_read_yet_is_stored(pillow: Any) -> None:
    picture = image(pillow, "L")
    (got,) = all_of(stored([[pillow.open(io.BytesIO(file(picture, "BMP")))]]))
    assert type(got) is pillow.Image
    assert got.tobytes() == picture.tobytes()


@pytest.mark.parametrize("raw", [b"", b"water", b"%!PS-Adobe-3.0 EPSF-3.0\n"], ids=repr)
def test_bytes_that_are_no_image_name_record_field_and_dataset(pillow: Any, raw: bytes) -> None:
    good = EncodedImage(file(image(pillow, "L"), "PNG"))
    records = [{"photo": None}, {"photo": good}, {"photo": EncodedImage(raw)}]
    held = stored([records])
    assert held.read(np.array([1]))[0]["photo"].size == (7, 5)
    with pytest.raises(
        RecordError,
        match="the image 'photo' of record 2 of digits@1.0 cannot be read: it is none of PNG, "
        "JPEG, .* If storage.verify finds its shard whole, .* submit the version again without it",
    ):
        held.read(np.array([1, 0, 2]))


def test_an_image_that_is_cut_short_is_named(pillow: Any) -> None:
    jpeg = file(image(pillow, "RGB", (90, 90)), "JPEG")
    held = stored([[{"photo": EncodedImage(jpeg[:1000])}]])
    with pytest.raises(RecordError, match="'photo' of record 0 of digits@1.0 .* truncated"):
        held.read(np.array([0]))
    broken = pillow.open(io.BytesIO(jpeg[:1000]))
    with pytest.raises(
        RecordError,
        match=r"record 1 holds at 'photo' an image that cannot be stored \(image file is truncated"
        r".*\. Store images that Pillow reads",
    ):
        stored([[{"photo": image(pillow, "RGB")}, {"photo": broken}]])


@pytest.mark.parametrize(("mode", "size"), [("HSV", (2, 2)), ("RGB", (0, 2))], ids=str)
def test_an_image_that_no_format_holds_is_refused(
    pillow: Any, mode: str, size: tuple[int, int]
) -> None:
    with pytest.raises(RecordError, match="record 0 holds an image that cannot be stored .*mode"):
        stored([[pillow.new(mode, size)]])


def test_images_beside_other_values_are_refused(pillow: Any) -> None:
    with pytest.raises(RecordError, match="record 1 is int, the records before it are image"):
        stored([[image(pillow, "L"), 1]])


def test_without_pillow_encoded_images_are_stored_and_reading_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held: StoredRecords = stored([[{"x": EncodedImage(b"GIF89a"), "n": 1}] * 3])
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtra, match=r"PIL.Image is needed .* pip install 'headrace\[image"):
        held.read(np.array([1]))
