"""Where shards begin anew: each stretch of records is cut into shards by itself.

So that stretches can be written side by side, and give the same shards as one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from headrace.formats.schema.schema import Schema

# A stretch is as long as records of the size of those so many stretches before it say. More than
# most backends write at once, so that none waits for a length; few enough that the wrong guess of
# a first shard unlike the others makes few small shards.
LAG = 64
# Records that are a little larger than those before do not leave a shard of the last few: the
# shards of all stretches but the first may have one in so many bytes more.
SLACK_SHARE = 4


@dataclass(frozen=True)
class Stretch:
    """A stretch that is written by itself: where it begins among all records, and its length.

    `schema` is that of the records before it. The first one ends with the shard that it fills,
    and has no length. Where it is not `is_alone`, those that follow are written too.
    """

    begin: int = 0
    length: int | None = None
    schema: Schema | None = None
    is_alone: bool = True


class StretchOver(Exception):
    """The stretch that is written by itself has its records; what came after them is dropped."""


class Stretches:
    """Tells how many records each stretch has.

    The first one ends with the shard that it fills. The lengths of those after it are known as
    soon as fewer than `LAG` of those before them are missing.

    Example:
        >>> stretches = Stretches(1000)
        >>> stretches.note(rows=10, size_bytes=1040)
        >>> stretches.length(1)
        10
    """

    def __init__(self, shard_bytes: int) -> None:
        self._shard_bytes = shard_bytes
        # How many records as large as those of each finished stretch make a shard.
        self._lengths: list[int] = []

    @property
    def noted(self) -> int:
        """How many stretches have been noted."""
        return len(self._lengths)

    def length(self, number: int) -> int:
        """How many records the stretch of that number has, which is not the first."""
        return self._lengths[max(0, number - LAG)]

    def note(self, rows: int, size_bytes: int) -> None:
        """Takes in what the first stretch that was not noted had."""
        self._lengths.append(max(1, -(-self._shard_bytes * rows // max(1, size_bytes))))


def largest_shard(shard_bytes: int, *, is_first: bool) -> int:
    """With how many bytes a shard ends within a stretch."""
    return shard_bytes if is_first else shard_bytes + shard_bytes // SLACK_SHARE
