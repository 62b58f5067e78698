"""Audio is decoded to frames by channels, with its sample rate."""

from __future__ import annotations

import io
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, MissingExtra, RecordError

# Any, in this file: soundfile is optional.
RATE = 8000


@pytest.fixture
def soundfile() -> Any:
    return pytest.importorskip("soundfile")


def saved(soundfile: Any, frames: Any, kind: str = "WAV", subtype: str | None = None) -> bytes:
    sink = io.BytesIO()
    soundfile.write(sink, frames, RATE, format=kind, subtype=subtype)
    return sink.getvalue()


def tone(channels: int) -> np.ndarray[Any, Any]:
    times = np.arange(400) / RATE
    return np.stack([np.sin(880 * (n + 1) * times) / 2 for n in range(channels)], axis=1)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG"])
def test_audio_is_frames_by_channels(soundfile: Any, kind: str, channels: int) -> None:
    found = hr.decode.audio()(saved(soundfile, tone(channels), kind))

    assert found["sample_rate"] == RATE
    assert type(found["sample_rate"]) is int
    assert (found["audio"].dtype, found["audio"].shape) == (np.float32, (400, channels))
    # OGG loses some of it.
    assert np.abs(found["audio"] - tone(channels)).max() < (0.1 if kind == "OGG" else 1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int32"])
def test_a_dtype_can_be_asked_for(soundfile: Any, dtype: Any) -> None:
    frames = np.array([[0], [2**14], [-(2**15)]], np.int16)
    full = {"int16": 2**15, "int32": 2**31}.get(dtype, 1)

    found = hr.decode.audio(dtype=dtype)(saved(soundfile, frames))["audio"]

    assert found.dtype == dtype
    np.testing.assert_array_equal(found[:, 0], [0, full // 2 if full > 1 else 0.5, -full])


def test_a_folder_of_audio_is_decoded_field_by_field(soundfile: Any, tmp_path: Path) -> None:
    for name, channels in (("rain", 1), ("wind", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.wav").write_bytes(saved(soundfile, tone(channels)))
    stream = hr.from_audio_folder(tmp_path).map(hr.decode.audio(field="audio"))

    found = list(hr.DataLoader(stream, backend=hr.Threads(2)))

    assert list(found[0]) == ["path", "audio", "label", "label_name", "sample_rate"]
    assert [one["audio"].shape for one in found] == [(400, 1), (400, 2)]
    assert [(one["label"], one["sample_rate"]) for one in found] == [(0, RATE), (1, RATE)]


def test_audio_is_read_from_paths_and_open_files(soundfile: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(saved(soundfile, tone(1)))

    with path.open("rb") as file:
        found = [hr.decode.audio()(one)["audio"] for one in (path, str(path), file)]

    assert [one.shape for one in found] == [(400, 1)] * 3


def test_what_cannot_be_decoded_is_an_error_that_names_it_and_keeps_its_cause(
    soundfile: Any, tmp_path: Path
) -> None:
    (tmp_path / "x.wav").write_bytes(b"no audio")

    with pytest.raises(RecordError, match=r"x\.wav' cannot be decoded: LibsndfileError") as caught:
        hr.decode.audio()(tmp_path / "x.wav")
    assert isinstance(caught.value.__cause__, soundfile.LibsndfileError)
    with pytest.raises(RecordError, match="the audio 0 bytes that begin with b'' cannot be"):
        hr.decode.audio()(b"")
    with pytest.raises(RecordError, match=r"hr\.decode\.audio needs bytes.*got float"):
        hr.decode.audio()(1.5)


def test_it_pickles_and_refuses_bad_arguments() -> None:
    decode = hr.decode.audio(dtype="int16", field="audio")

    assert pickle.loads(pickle.dumps(decode)) == decode
    with pytest.raises(ArgumentError, match=r"dtype must be one of float32, .*got 'uint8'"):
        hr.decode.audio(dtype="uint8")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"field must be the name.*got 3"):
        hr.decode.audio(field=3)  # type: ignore[arg-type]


def test_without_soundfile_the_first_record_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)

    with pytest.raises(MissingExtra, match=r"pip install 'headrace\[audio\]'"):
        hr.stream([b"RIFF"]).map(hr.decode.audio()).collect()


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("dtype", ["int16", "int32"])
def test_stored_floats_become_ints_over_their_range(
    soundfile: Any, subtype: str, dtype: Any
) -> None:
    encoded = saved(soundfile, np.array([0, 0.5, -0.25, -1, 1, 3, -3]), subtype=subtype)

    found = hr.decode.audio(dtype=dtype)(encoded)["audio"]

    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    expected = [0, -least // 2, least // 4, least, most, most, least]
    assert (found.dtype, found[:, 0].tolist()) == (dtype, expected)
