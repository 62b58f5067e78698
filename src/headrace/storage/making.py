"""By what a version is made: who, with which packages, and the code of the function behind it."""

from __future__ import annotations

import functools
import inspect
import logging
import os
import platform
import pwd
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FunctionType, MethodType
from typing import Any

from headrace.fingerprints import fingerprint
from headrace.fingerprints.parts import content
from headrace.formats.manifest.manifest import Made, Manifest

# Any, in this file: sources and functions are the user's, of every type.

logger = logging.getLogger("headrace")
# What `python -c` and an interactive Python have in the place of a script.
NO_SCRIPTS = ("", "-c", "-m")
PACKAGE_SCRIPT = "__main__.py"


class Maker:
    """The function behind a `cacheable`, which says once where a version is other code's.

    Example:
        >>> def squares():
        ...     return [0, 1, 4]
        >>> Maker(squares).made.function
        'headrace.storage.making.squares'
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self.made = made_by(function)
        self._has_told = False

    def compare(self, manifest: Manifest) -> None:
        """Warns where the version was made by other code."""
        if self._has_told or not is_other_code(manifest.made, self.made):
            return
        self._has_told = True
        logger.warning(
            "%s %s was made by other code: by %s with fingerprint %s, and %s has %s now. It is read"
            " as it is stored. If the function gives other records by now, store them as a new "
            "version; or delete this one, and the next call makes it again.",
            manifest.dataset,
            manifest.version,
            manifest.made.function,
            manifest.made.fingerprint,
            self.made.function,
            self.made.fingerprint,
        )


def made_by(source: object) -> Made:
    """What is known of who stores a source now."""
    is_function = isinstance(source, FunctionType | MethodType | functools.partial)
    # Imported it would bring all that lies above; it is there, as the package of this module.
    package = sys.modules["headrace"]
    return Made(
        by=f"{_user()}@{platform.node()}",
        python=platform.python_version(),
        headrace=package.__version__,
        script=_script(),
        function=_name(source) if is_function else "",
        fingerprint=fingerprint(_codes(source)) if is_function else "",
    )


def is_other_code(one: Made, other: Made) -> bool:
    """Whether two functions differ in their code; False where nobody can tell."""
    are_known = bool(one.fingerprint and other.fingerprint)
    # Each minor version of Python has a bytecode of its own.
    are_alike = one.python.split(".")[:2] == other.python.split(".")[:2]
    return are_known and are_alike and one.fingerprint != other.fingerprint


def _user() -> str:
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        # In a container any number may be a user.
        return str(number)


def _script() -> str:
    """The file that the process was started with: its name alone, arguments may be secret."""
    started = sys.argv[0] if sys.argv else ""
    if started in NO_SCRIPTS:
        return ""
    path = Path(started)
    return path.parent.name if path.name == PACKAGE_SCRIPT else path.name


def _name(function: Any) -> str:
    inner = function.func if isinstance(function, functools.partial) else function
    name = getattr(inner, "__qualname__", type(inner).__qualname__)
    return f"{getattr(inner, '__module__', '')}.{name}"


def _codes(function: Any) -> list[CodeType]:
    """The code of a function and of the functions that it closes over, each once.

    Not the values that it closes over: a path or a counter there makes no other code.
    """
    codes: list[CodeType] = []
    waiting = [function]
    while waiting:
        one = waiting.pop()
        if isinstance(one, functools.partial):
            waiting.append(one.func)
        elif isinstance(one, MethodType):
            waiting.append(one.__func__)
        elif isinstance(one, FunctionType):
            inner = inspect.unwrap(one)
            if isinstance(inner, FunctionType) and inner.__code__ not in codes:
                codes.append(inner.__code__)
                waiting += [held for cell in inner.__closure__ or () for held in content(cell)]
    return codes
