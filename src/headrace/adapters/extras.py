"""Optional packages: imported where they are needed, with the extra to install."""

from __future__ import annotations

import importlib
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
