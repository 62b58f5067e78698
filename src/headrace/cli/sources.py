"""From the text SOURCE to a source: files by a path, or what a Python module holds by its name."""

from __future__ import annotations

import enum
import importlib
import re
import sys
from pathlib import Path
from typing import Any

from headrace.contracts.errors import ArgumentError, near
from headrace.sources import from_path
from headrace.sources.foreign import lmdb_source

# Any, in this file: a source is whatever the user has.

MODULE_AND_NAME = re.compile(r"(?P<module>[^\W\d]\w*(?:\.\w+)*):(?P<name>[^\W\d]\w*(?:\.\w+)*)")
# What TensorPack and YogaDL call a database, and LMDB its file in a folder.
LMDB_SUFFIX = ".mdb"
LMDB_FILE = "data.mdb"
ACCEPTED = "SOURCE is a file, a folder, a pattern such as 'day-*.csv', or package.module:name."


class OnError(enum.StrEnum):
    """What to do with a line or file that cannot be read."""

    RAISE = "raise"
    SKIP = "skip"


def source_of(text: str, *, on_error: OnError, allow_pickle: bool = False) -> Any:
    """The source that `text` names.

    Raises:
        ArgumentError: there is no such file, module or name.
        PickleRefused: a database of LMDB holds pickles, and `allow_pickle` was not said.
    """
    if not text:
        raise ArgumentError(f"a source is needed, got {text!r}. {ACCEPTED}")
    if _is_lmdb(Path(text)):
        _refuse_skipping(on_error, f"{text}, a database. It is for other files; leave it out")
        return lmdb_source(text, allow_pickle=allow_pickle)
    found = MODULE_AND_NAME.fullmatch(text)
    if found is None or Path(text).exists():
        return from_path(text, on_error=on_error.value)
    _refuse_skipping(
        on_error,
        f"{text}, which is Python code. It is for files; let the code itself leave out what it "
        "cannot read",
    )
    return _attribute(_module(found["module"], text), found["name"], text)


def _refuse_skipping(on_error: OnError, why: str) -> None:
    if on_error is not OnError.RAISE:
        raise ArgumentError(f"--on-error {on_error.value} was given for {why}.")


def _is_lmdb(path: Path) -> bool:
    return (path / LMDB_FILE).is_file() or (path.suffix == LMDB_SUFFIX and path.is_file())


def _module(name: str, text: str) -> Any:
    # As `python -m` does, and a script on the path does not.
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # A module that the user's own one misses is another error, with its own traceback.
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise ArgumentError(
            f"there is no Python module {name!r}, asked by {text!r}. It is looked for in this "
            f"folder and on Python's path. {ACCEPTED}"
        ) from error


def _attribute(module: Any, dotted: str, text: str) -> Any:
    found = module
    for part in dotted.split("."):
        if not hasattr(found, part):
            names = [name for name in dir(found) if not name.startswith("_")]
            raise ArgumentError(
                f"{getattr(found, '__name__', found)} has no {part!r}, asked by {text!r}. "
                f"{near(part, names)}"
            )
        found = getattr(found, part)
    return found
