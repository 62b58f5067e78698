"""Which files are meant: a path, a folder, a pattern, or several of these."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import xxhash

from headrace.contracts.errors import ArgumentError, near
from headrace.sources.file import File

# A file, a folder, a pattern such as "data/**/*.csv", or a list of these.
Paths: TypeAlias = "str | os.PathLike[str] | Sequence[str | os.PathLike[str]]"
# So many hex digits tell one list of names from another.
NAME_DIGITS = 8

# These, or files that are opened otherwise.
Files: TypeAlias = "Paths | File | Sequence[str | os.PathLike[str] | File]"


def matched(paths: Paths, *, suffixes: Sequence[str]) -> tuple[Path, ...]:
    """The files that `paths` says, sorted, each once.

    A folder stands for the files in it, and in the folders in it, that end in a suffix; hidden
    files and folders are left out. A file that is named itself, or by a pattern, may end as it
    likes.

    Raises:
        ArgumentError: one of them stands for no file; the message lists the near names.
    """
    parts: list[Any] = [paths]  # Any: whatever the user passed
    if isinstance(paths, Iterable) and not isinstance(paths, str | bytes):
        parts = list(paths)
    if not parts:
        raise ArgumentError(
            f"paths must name a file at least, got {paths!r}. "
            'Pass a file, a folder, a pattern such as "data/*.csv", or a list of these.'
        )
    found = {path for part in parts for path in _files_of(part, suffixes)}
    return tuple(sorted(found))


def located(places: Files, *, suffixes: Sequence[str]) -> tuple[File, ...]:
    """The files that `places` says, sorted by path, each once.

    Raises:
        ArgumentError: a path stands for no file.
    """
    parts: list[Any] = [places]  # Any: whatever the user passed
    if isinstance(places, Iterable) and not isinstance(places, str | bytes):
        parts = list(places)
    files = [part for part in parts if isinstance(part, File)]
    paths = [part for part in parts if not isinstance(part, File)]
    if paths or not files:
        files += map(File.at, matched(paths, suffixes=suffixes))
    return tuple(sorted(dict.fromkeys(files), key=str))


def names_of(kind: str, paths: Sequence[Path | File]) -> str:
    """The name of the files in saved states: the first one's, how many, and a hash of all names."""
    if len(paths) == 1:
        return f"{kind}[{paths[0].name}, 1 file]"
    names = [path.name for path in paths]
    return f"{kind}[{names[0]}, {len(names)} files, {digest_of(names)}]"


def digest_of(names: Iterable[str]) -> str:
    """A few hex digits: a file that is added, removed or renamed moves the others."""
    text = "\0".join(names).encode("utf-8", "surrogateescape")
    return xxhash.xxh3_64_hexdigest(text)[:NAME_DIGITS]


def is_hidden(path: Path) -> bool:
    """Whether it is about files: of the system (.DS_Store), or of a writer (_SUCCESS)."""
    return path.name.startswith((".", "_"))


def has_suffix(path: Path | File, suffixes: Iterable[str]) -> bool:
    """Whether the name ends in one of the suffixes, in capitals or not."""
    return path.name.lower().endswith(tuple(suffixes))


def files_under(folder: Path) -> list[Path]:
    """The files in a folder and in those in it, without the hidden ones, sorted.

    Raises:
        ArgumentError: a folder cannot be listed.
    """
    found: list[Path] = []
    # Left alone, it passes over what it cannot read, and records would be missing without a word.
    for place, inside, names in os.walk(folder, onerror=refuse_folder):
        # Copies of the files may be in them, such as .ipynb_checkpoints and _temporary.
        inside[:] = [name for name in inside if not is_hidden(Path(name))]
        found += [Path(place, name) for name in names]
    return sorted(path for path in found if path.is_file() and not is_hidden(path))


def refuse_folder(error: OSError) -> NoReturn:
    """Raises ArgumentError for a folder that cannot be listed."""
    raise ArgumentError(
        f"a folder of files must be readable, got {error.filename!r}: {error.strerror}. "
        "Change its permissions, or pass a folder without it."
    ) from error


def no_path(path: Path) -> ArgumentError:
    """The error of a path where nothing is, or a folder for a file, or a file for a folder."""
    if path.is_dir():
        return ArgumentError(
            f"a file was expected, got the folder {str(path)!r}. Pass a file that is in it."
        )
    if path.exists():
        return ArgumentError(
            f"a folder was expected, got the file {str(path)!r}. Pass the folder that it is in."
        )
    folder = path.parent
    if not folder.is_dir():
        hint = f"There is no folder {str(folder)!r} either."
    else:
        hint = near(path.name, _names_in(folder)) if any(_names_in(folder)) else "It is empty."
    return ArgumentError(
        f"a file or folder was expected, got {str(path)!r}: nothing is there. {hint}"
    )


def _files_of(part: Any, suffixes: Sequence[str]) -> list[Path]:  # Any: as above
    if not isinstance(part, str | os.PathLike):
        raise ArgumentError(
            f"a path must be a str or pathlib.Path, got {type(part).__name__}. "
            'Pass a file, a folder or a pattern such as "data/*.csv".'
        )
    if not os.fspath(part):
        # pathlib takes it for the folder that the program was started in.
        raise ArgumentError(
            "a path must name a file or folder, got ''. Pass one; \".\" is the working folder."
        )
    path = Path(part)
    try:
        if path.is_dir():
            return _in_folder(path, suffixes)
        # A file may have a bracket in its name, so what is there is no pattern.
        if path.exists():
            return [path]
    except PermissionError as error:
        refuse_folder(error)
    if glob.has_magic(os.fspath(part)):
        return _by_pattern(os.fspath(part))
    raise no_path(path)


def _in_folder(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    files = files_under(folder)
    found = [path for path in files if has_suffix(path, suffixes)]
    if not found:
        others = sorted({path.suffix or path.name for path in files})
        holds = f"It holds files in {', '.join(others[:5])}" if others else "It is empty"
        raise ArgumentError(
            f"files in {', '.join(suffixes)} were asked for, and the folder {str(folder)!r} has "
            f'none. {holds}. Name the files themselves, or by a pattern such as "{folder}/*".'
        )
    return found


def _by_pattern(pattern: str) -> list[Path]:
    names = glob.glob(pattern, recursive=True)
    found = [path for path in map(Path, names) if path.is_file()]
    if found:
        return found
    folder = Path(pattern).parent
    hint = "Check the folder and the pattern."
    if folder.is_dir() and any(_names_in(folder)):
        hint = near(Path(pattern).name, _names_in(folder))
    raise ArgumentError(f"a file at least was expected, and {pattern!r} matches none. {hint}")


def _names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not is_hidden(path))
