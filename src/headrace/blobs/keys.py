"""Keys that cannot leave the storage root."""

from __future__ import annotations

from headrace.contracts.errors import InvalidName

# What file systems or URLs read as something else than a character of a name.
FORBIDDEN = "\\\0"


def checked_key(key: str) -> str:
    """`key`, where it is a path of plain names joined by `/`.

    Raises:
        InvalidName: it is empty, absolute, or has a part that is empty, `.` or `..`.
    """
    parts = key.split("/")
    if any(part in ("", ".", "..") for part in parts) or any(mark in key for mark in FORBIDDEN):
        raise InvalidName(
            f"a key must be plain names joined by '/', got {key!r}. "
            "Leave out leading slashes, '.', '..', backslashes and NUL."
        )
    return key
