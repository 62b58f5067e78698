"""Optional packages: imported where they are needed, with the extra to install."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from headrace.contracts.errors import MissingExtra


def imported(module: str, *, extra: str) -> Any:  # Any: a module of an optional package
    """The module.

    Raises:
        MissingExtra: it is not installed; the message names the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(
            f"{module} is needed for this and is not installed. "
            f"Install it with: pip install 'headrace[{extra}]'"
        ) from error


def is_instance(value: object, module: str, *names: str) -> bool:
    """Whether `value` is an instance of a class of an optional package, which is not imported.

    Whoever has an instance has imported its module. Names may be dotted.

    Example:
        >>> is_instance(3, "torch", "utils.data.Dataset")
        False
    """
    top = sys.modules.get(module)
    classes = [_attribute(top, name) for name in names]
    return any(isinstance(one, type) and isinstance(value, one) for one in classes)


def _attribute(value: Any, dotted: str) -> Any:  # Any: whatever a package holds
    for name in dotted.split("."):
        # Some packages import what is asked for; only what is there already can be meant.
        value = vars(value).get(name) if hasattr(value, "__dict__") else None
    return value
