"""Audio files as arrays."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from headrace.contracts.errors import ArgumentError, HeadraceError, RecordError
from headrace.decode.given import bytes_of, checked_field, place_of, reason_of, value_of
from headrace.extras import imported

# Any, in this file: records are the user's values, of every type.
VERB = "hr.decode.audio"
# Frames that are stored as numbers from -1 to 1.
FLOATS = ("FLOAT", "DOUBLE")
AudioDtype: TypeAlias = Literal["float32", "float64", "int16", "int32"]


@dataclass(frozen=True)
class AudioDecoder:
    """What `audio` gives: a function of one record, which may be sent to a worker."""

    dtype: AudioDtype = "float32"
    field: str | None = None

    def __call__(self, record: Any) -> dict[str, Any]:
        """The audio and its sample rate, or the record with both."""
        value = value_of(record, self.field, verb=VERB)
        soundfile = imported("soundfile", extra="audio")
        try:
            with soundfile.SoundFile(io.BytesIO(bytes_of(value, verb=VERB))) as file:
                frames, rate = _frames(file, self.dtype), file.samplerate
        except HeadraceError:
            raise
        except Exception as error:  # soundfile has errors of its own, and passes on others
            raise RecordError(
                f"the audio {place_of(value)} cannot be decoded: {reason_of(error)}. "
                "Replace it, or leave such records out."
            ) from error
        if self.field is None:
            return {"audio": frames, "sample_rate": rate}
        return {**record, self.field: frames, "sample_rate": rate}


def _frames(file: Any, dtype: AudioDtype) -> Any:
    if file.subtype not in FLOATS or not dtype.startswith("int"):
        return file.read(dtype=dtype, always_2d=True)
    # libsndfile would round them as they are: nearly all to 0.
    limits = np.iinfo(dtype)
    frames = np.rint(file.read(dtype="float64", always_2d=True) * -float(limits.min))
    return np.clip(frames, limits.min, limits.max).astype(dtype)


def audio(*, dtype: AudioDtype = "float32", field: str | None = None) -> AudioDecoder:
    """A function for `map` that decodes audio: of bytes, an open file or a path.

    It gives {"audio": array, "sample_rate": int}. `field` names the field of a dict that holds the
    audio: the array takes its place, and the sample rate stands beside it. WAV, FLAC, OGG, MP3
    and whatever else libsndfile reads; nothing is resampled. Of a file that is cut off it may
    give the frames that are there.

    **Shape**: `(frames, channels)`, also of one channel. **Units**: float32 and float64 from -1
    to 1; int16 and int32 over their whole range.

    Raises:
        ArgumentError: an unknown dtype.
        MissingExtra: by the first record, soundfile is not installed.
        RecordError: by a record, audio that cannot be decoded; it names which.

    Example:
        >>> import headrace as hr
        >>> hr.decode.audio(dtype="int16", field="audio")  # stream.map(...)
        AudioDecoder(dtype='int16', field='audio')
    """
    checked_field(field)
    if dtype not in get_args(AudioDtype):
        raise ArgumentError(
            f"dtype must be one of {', '.join(get_args(AudioDtype))}, got {dtype!r}. "
            "float32 is what models take."
        )
    return AudioDecoder(dtype, field)
