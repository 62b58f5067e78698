"""The Ray that the caller has initialised."""

from __future__ import annotations

from typing import Any

from headrace.contracts.errors import StreamError
from headrace.extras import imported

# Any, in this file: a package without types.


def running_ray(name: str) -> Any:
    """The module, initialised; `name` says in errors who needs it.

    Raises:
        MissingExtra: ray is not installed.
        StreamError: Ray is not initialised.
    """
    ray = imported("ray", extra="ray")
    if not ray.is_initialized():
        raise StreamError(
            f"{name} runs on Ray, which is not initialised here. Call ray.init(), or "
            "ray.init(address=...), before the stream is read, and ray.shutdown() after."
        )
    return ray


def check_ray(ray: Any, name: str) -> None:
    """Does nothing while Ray runs.

    Raises:
        StreamError: it was shut down, so that no result can come.
    """
    if not ray.is_initialized():
        raise StreamError(
            f"{name}: Ray was shut down while its tasks ran. Call ray.init(), and resume."
        )
