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

# Any, in this file: a source is whatever the user has.

MODULE_AND_NAME = re.compile(r"(?P<module>[^\W\d]\w*(?:\.\w+)*):(?P<name>[^\W\d]\w*(?:\.\w+)*)")
ACCEPTED = "SOURCE is a file, a folder, a pattern such as 'day-*.csv', or package.module:name."


class OnError(enum.StrEnum):
    """What to do with a line or file that cannot be read."""

    RAISE = "raise"
    SKIP = "skip"


def source_of(text: str, *, on_error: OnError) -> Any:
    """The source that `text` names.

    Raises:
        ArgumentError: there is no such file, module or name.
    """
    if not text:
        raise ArgumentError(f"a source is needed, got {text!r}. {ACCEPTED}")
    found = MODULE_AND_NAME.fullmatch(text)
    if found is None or Path(text).exists():
        return from_path(text, on_error=on_error.value)
    if on_error is not OnError.RAISE:
        raise ArgumentError(
            f"--on-error {on_error.value} was given for {text}, which is Python code. It is for "
            "files; let the code itself leave out what it cannot read."
        )
    return _attribute(_module(found["module"], text), found["name"], text)


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
