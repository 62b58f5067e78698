from __future__ import annotations

import gzip
import io
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.display.encoded import encoded_kind


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WebP", "BMP"])
@pytest.mark.parametrize("lossless", [False, True])
def test_a_picture_is_known_by_its_head(name: str, lossless: bool) -> None:
    image = pytest.importorskip("PIL.Image").new("RGB", (67, 45))
    payload = io.BytesIO()
    options = (
        {"lossless": lossless}
        if name == "WebP"
        else {"progressive": lossless}
        if name == "JPEG"
        else {}
    )
    image.save(payload, name, **options)

    kind = encoded_kind(payload.getvalue())

    assert str(kind) == f"{name} 67x45"
    assert kind is not None
    assert kind.mime == f"image/{name.lower()}"


def test_the_size_of_a_jpeg_is_found_behind_its_notes() -> None:
    image = pytest.importorskip("PIL.Image").new("L", (31, 20))
    payload = io.BytesIO()
    image.save(payload, "JPEG", comment=b"x" * 60_000)

    assert str(encoded_kind(memoryview(payload.getvalue()))) == "JPEG 31x20"


def test_files_of_other_kinds_are_known() -> None:
    sound, archive = io.BytesIO(), io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0\0" * 8)
    np.save(archive, np.arange(3))

    kinds = [
        encoded_kind(one) for one in (sound.getvalue(), gzip.compress(b"x"), archive.getvalue())
    ]

    assert [str(kind) for kind in kinds] == ["WAV", "gzip", "npy"]


@pytest.mark.parametrize(
    "payload", [b"", b"BM is no picture, but the beginning of a text", b"river"]
)
def test_what_is_no_known_file_is_none(payload: bytes) -> None:
    assert encoded_kind(payload) is None


SIGNATURES = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"BM", b""]


@given(st.sampled_from(SIGNATURES), st.binary(max_size=100))
def test_a_damaged_head_ends_in_no_error(signature: bytes, rest: bytes) -> None:
    encoded_kind(signature + rest)
