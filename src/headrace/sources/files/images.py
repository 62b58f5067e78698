"""Images in folders, a folder a class."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.contracts.errors import ArgumentError, RecordError
from headrace.contracts.order import Indices
from headrace.extras import imported
from headrace.sources.files.classes import class_names, files_of_class
from headrace.sources.files.faults import Faults, OnError, checked_policy
from headrace.sources.files.paths import digest_of
from headrace.sources.files.pixels import fault, pixels

# Any, in this file: an image is bytes or an array.
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")


@dataclass(frozen=True)
class ImageRecords:
    """The images under the class folders of a folder, class by class, sorted by path.

    Which they are is settled when it is made. With `on_error="skip"` each file is read then, and
    decoded where `decode` is said, so that an index stands for the same image ever after.

    Raises:
        ArgumentError: no such folder, or no class folder or image in it.
        RecordError: by `read`, an image that cannot be read.
        MissingExtra: `decode` without Pillow.
    """

    folder: Path
    decode: bool = False
    on_error: OnError = "raise"
    label_names: tuple[str, ...] = field(init=False, repr=False)
    # Label and path inside the folder, one pair an image.
    places: tuple[tuple[int, str], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        checked_policy(self.on_error)
        if self.decode:
            imported("PIL.Image", extra="image")
        names = class_names(self.folder, kind="image")
        object.__setattr__(self, "label_names", names)
        found = (
            (label, path)
            for label, name in enumerate(names)
            for path in files_of_class(self.folder, name, IMAGE_SUFFIXES)
        )
        places = tuple(found if self.on_error == "raise" else self._readable(found))
        object.__setattr__(self, "places", places)
        if not places:
            raise ArgumentError(
                f"the class folders of {str(self.folder)!r} hold no image that can be read. "
                f"Images end in {', '.join(IMAGE_SUFFIXES)}."
            )

    def __len__(self) -> int:
        return len(self.places)

    @property
    def identity(self) -> str:
        """How many files, and a hash of their paths in the folder."""
        return f"images[{len(self)}, {digest_of(path for _, path in self.places)}]"

    @property
    def origin(self) -> dict[str, Any]:
        """What the labels stand for."""
        return {"kind": "image folder", "label_names": {"label": list(self.label_names)}}

    def read(self, indices: Indices) -> list[dict[str, Any]]:
        """The images at `indices`, as {"path", "image", "label", "label_name"}."""
        return [self._record(*self.places[index]) for index in indices.tolist()]

    def _record(self, label: int, path: str) -> dict[str, Any]:
        image = self._image(path)
        return {"path": path, "image": image, "label": label, "label_name": self.label_names[label]}

    def _image(self, path: str) -> Any:
        file = self.folder / path
        try:
            encoded = file.read_bytes()
            wrong = fault(encoded)
            if wrong is None:
                return pixels(encoded) if self.decode else encoded
        except Exception as error:  # a decoder may raise anything
            raise _unreadable(file, f"{type(error).__name__}: {error}") from error
        raise _unreadable(file, wrong)

    def _readable(self, found: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        faults = Faults(self.on_error)
        for label, path in found:
            try:
                self._image(path)
            except RecordError as error:
                faults.meet(error)
            else:
                yield label, path
        faults.tell()


def image_folder_source(
    folder: str | os.PathLike[str], *, decode: bool = False, on_error: OnError = "raise"
) -> ImageRecords:
    """The images of a folder of class folders."""
    return ImageRecords(Path(folder), decode, on_error)


def _unreadable(file: Path, why: str) -> RecordError:
    return RecordError(
        f"the image {str(file)!r} cannot be read: {why}. "
        'Replace it, take it away, or leave such files out with on_error="skip".'
    )
