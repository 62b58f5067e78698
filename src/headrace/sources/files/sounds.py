"""Audio files in folders, a folder a class."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from headrace.contracts.errors import ArgumentError, RecordError
from headrace.contracts.order import Indices
from headrace.sources.files.classes import class_names, files_of_class
from headrace.sources.files.paths import digest_of

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64")


class AudioRecord(TypedDict):
    """An audio file as it is, and the place of its class among the sorted folders."""

    path: str
    audio: bytes
    label: int
    label_name: str


@dataclass(frozen=True)
class AudioRecords:
    """The audio files under the class folders of a folder, class by class, sorted by path.

    Raises:
        ArgumentError: no such folder, or no class folder or audio file in it.
        RecordError: by `read`, a file that is gone or empty.
    """

    folder: Path
    label_names: tuple[str, ...] = field(init=False, repr=False)
    # Label and path inside the folder, one pair a file.
    places: tuple[tuple[int, str], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        names = class_names(self.folder, kind="audio file")
        places = tuple(
            (label, path)
            for label, name in enumerate(names)
            for path in files_of_class(self.folder, name, AUDIO_SUFFIXES)
        )
        if not places:
            raise ArgumentError(
                f"the class folders of {str(self.folder)!r} hold no audio. "
                f"Audio files end in {', '.join(AUDIO_SUFFIXES)}."
            )
        object.__setattr__(self, "label_names", names)
        object.__setattr__(self, "places", places)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def identity(self) -> str:
        """How many files, and a hash of their paths in the folder."""
        return f"audio[{len(self)}, {digest_of(path for _, path in self.places)}]"

    @property
    def origin(self) -> dict[str, Any]:  # Any: JSON
        """What the labels stand for."""
        return {"kind": "audio folder", "label_names": {"label": list(self.label_names)}}

    def read(self, indices: Indices) -> list[AudioRecord]:
        """The files at `indices`, read whole."""
        return [self._record(*self.places[index]) for index in indices.tolist()]

    def _record(self, label: int, path: str) -> AudioRecord:
        name = self.label_names[label]
        return {"path": path, "audio": self._audio(path), "label": label, "label_name": name}

    def _audio(self, path: str) -> bytes:
        file = self.folder / path
        try:
            encoded = file.read_bytes()
        except OSError as error:
            raise _unreadable(file, str(error.strerror)) from error
        if not encoded:
            raise _unreadable(file, "it is empty")
        return encoded


def audio_folder_source(folder: str | os.PathLike[str]) -> AudioRecords:
    """The audio files of a folder of class folders."""
    return AudioRecords(Path(folder))


def _unreadable(file: Path, why: str) -> RecordError:
    return RecordError(
        f"the audio file {str(file)!r} cannot be read: {why}. Replace it, or take it away."
    )
