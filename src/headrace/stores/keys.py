"""Keys of stores: which are accepted, how one is made, and what is said of one that is missing."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from itertools import islice

from headrace.contracts.errors import InvalidName, NotFound, near

# What file systems, or addresses, read as something else than a character of a name.
FORBIDDEN = "\\"
# A file name may have 255 bytes, and ours end in a suffix.
LONGEST_PART_BYTES = 200
# Near names are looked for among so many keys: comparing with a million takes minutes.
COMPARED = 10_000


def new_key() -> str:
    """A key that nobody else makes: 122 bits of the system's randomness, also after a fork."""
    return uuid.uuid4().hex


def checked_key(key: object) -> str:
    """`key`, where it is a path of plain names joined by `/`.

    Raises:
        InvalidName: it is no text, empty, too long, or could be read as another place.
    """
    if isinstance(key, str) and all(map(_is_plain, key.split("/"))):
        return key
    raise InvalidName(
        f"a key must be text of plain names joined by '/', got {key!r}. Leave out leading "
        "slashes, '.', '..', a leading '~', backslashes and what cannot be printed, and keep "
        f"each name to {LONGEST_PART_BYTES} bytes."
    )


def no_key(key: str, keys: Iterable[str], *, place: str) -> NotFound:
    """The error of a key without a value."""
    return NotFound(f"there is no key {key!r} in {place}. {near(key, islice(keys, COMPARED))}")


def _is_plain(part: str) -> bool:
    # What is printable is also what UTF-8 can hold.
    is_name = part.isprintable() and part not in ("", ".", "..") and not part.startswith("~")
    is_safe = not any(mark in part for mark in FORBIDDEN)
    return is_name and is_safe and len(part.encode()) <= LONGEST_PART_BYTES
