"""Folders that stand for classes: a folder a class, and the files under each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from headrace.contracts.errors import ArgumentError
from headrace.sources.files.paths import has_suffix, no_path, refuse_folder


def class_names(folder: Path, *, kind: str) -> tuple[str, ...]:
    """The names of the class folders, sorted; `kind` is what they hold, for the message.

    Raises:
        ArgumentError: there is no such folder, or no folder in it.
    """
    if not folder.exists():
        raise no_path(folder)
    inside = folder.iterdir() if folder.is_dir() else iter(())
    names = tuple(
        sorted(path.name for path in inside if path.is_dir() and not _is_hidden(path.name))
    )
    if not names:
        raise ArgumentError(
            f"a folder with a folder a class was expected, and {str(folder)!r} has none. Put each "
            f"{kind} into the folder of its class, or read the files with hr.from_files."
        )
    return names


def files_of_class(folder: Path, name: str, suffixes: Sequence[str]) -> list[str]:
    """The paths inside `folder` of the files of one class, sorted, those that end in a suffix.

    Raises:
        ArgumentError: a folder cannot be listed.
    """
    found = []
    # os.walk does not follow links below the class folder, which may lead round in a circle.
    for place, inside, files in os.walk(folder / name, onerror=refuse_folder):
        inside[:] = [one for one in inside if not _is_hidden(one)]
        paths = (Path(place, one) for one in files if not _is_hidden(one))
        found += [path for path in paths if has_suffix(path, suffixes) and path.is_file()]
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _is_hidden(name: str) -> bool:
    return name.startswith(".")
