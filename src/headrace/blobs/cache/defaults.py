"""Where the cache of shards is and how large, where nobody says so in the program."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from headrace.blobs.cache.shard_cache import ShardCache
from headrace.contracts.errors import ArgumentError
from headrace.settings import current_settings

# At most so much, and at most half of what the disk has.
DEFAULT_BYTES = 50 * 10**9
DEFAULT_SHARE = 0.5
UNITS = {"": 1, "b": 1} | {
    prefix + ending: base**power
    for base, ending in ((1000, "b"), (1024, "ib"))
    for power, prefix in enumerate("kmgt", start=1)
}
SIZE = re.compile(rf"(?P<number>[0-9]+(\.[0-9]+)?) ?(?P<unit>{'|'.join(UNITS)})", re.IGNORECASE)
BOUND_REMEDY = "cache_bytes=50 * 10**9, or HEADRACE_CACHE_BYTES=50GB, suits most disks."


def cache_folder(folder: Path | None) -> Path:
    """The folder of the cache: the one said, else that of the environment, else the user's."""
    caches = Path("~/Library/Caches" if sys.platform == "darwin" else "~/.cache")
    chosen = folder or current_settings().cache_dir or caches / "headrace"
    return chosen.expanduser().absolute()


def said_bytes() -> int | None:
    """The bound that the environment says.

    Raises:
        ArgumentError: it is no number of bytes.
    """
    said = current_settings().cache_bytes
    return None if said is None else bytes_of(said)


def default_bytes(cache: ShardCache) -> int:
    """The bound where nobody says one."""
    return min(DEFAULT_BYTES, cache.share_of_disk(DEFAULT_SHARE))


def bytes_of(text: str) -> int:
    """A number of bytes as people write it.

    Raises:
        ArgumentError: it is none.

    Example:
        >>> bytes_of("50GB"), bytes_of("1.5 KiB"), bytes_of("7")
        (50000000000, 1536, 7)
    """
    found = SIZE.fullmatch(text.strip())
    size_bytes = int(float(found["number"]) * UNITS[found["unit"].lower()]) if found else 0
    if size_bytes < 1:
        raise ArgumentError(
            f"HEADRACE_CACHE_BYTES must be a number of bytes, got {text!r}. {BOUND_REMEDY}"
        )
    return size_bytes
