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
from headrace.sources.files.faults import Faults, OnError, checked_policy
from headrace.sources.files.paths import has_suffix, no_path, refuse_folder
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
        names = _class_names(self.folder)
        object.__setattr__(self, "label_names", names)
        found = (
            (label, path) for label, name in enumerate(names) for path in _images(self.folder, name)
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


def _class_names(folder: Path) -> tuple[str, ...]:
    if not folder.exists():
        raise no_path(folder)
    inside = folder.iterdir() if folder.is_dir() else iter(())
    names = tuple(
        sorted(path.name for path in inside if path.is_dir() and not _is_hidden(path.name))
    )
    if not names:
        raise ArgumentError(
            f"a folder with a folder a class was expected, and {str(folder)!r} has none. Put each "
            "image into the folder of its class, or read the files with hr.from_files."
        )
    return names


def _images(folder: Path, name: str) -> list[str]:
    found = []
    # os.walk does not follow links below the class folder, which may lead round in a circle.
    for place, inside, files in os.walk(folder / name, onerror=refuse_folder):
        inside[:] = [one for one in inside if not _is_hidden(one)]
        paths = (Path(place, one) for one in files if not _is_hidden(one))
        found += [path for path in paths if has_suffix(path, IMAGE_SUFFIXES) and path.is_file()]
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _unreadable(file: Path, why: str) -> RecordError:
    return RecordError(
        f"the image {str(file)!r} cannot be read: {why}. "
        'Replace it, take it away, or leave such files out with on_error="skip".'
    )
