"""Where the buffers of a shard lie in its file, so that parts are read without its footer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import msgspec

from headrace.formats.schema.schema import Branch, Form, Leaf, Schema, leaves_of

Role = Literal["validity", "offsets", "values", "shapes", "note"]
# Where each buffer of one leaf begins, and its length; those that are left out have length 0.
Spans: TypeAlias = "dict[Role, tuple[int, int]]"


class Placement(msgspec.Struct, frozen=True, omit_defaults=True):
    """The schema of a shard, and begin and length of each buffer of its leaves, in one row.

    In the JSON of a manifest the schema is left out where it is that of the version.
    """

    spans: tuple[int, ...]
    schema: Leaf | Branch | None = None


# In a manifest, a shard whose buffers lie like those of an earlier one has only its number.
Placed: TypeAlias = "Placement | int | None"


def roles_of(leaf: Leaf) -> tuple[Role, ...]:
    """What the buffers of a leaf hold, in the order in which a placement has them."""
    roles: dict[Form, tuple[Role, ...]] = {
        "null": (),
        "fixed": ("validity", "values"),
        "bytes": ("validity", "offsets", "values"),
        "ragged": ("validity", "offsets", "values"),
    }
    if leaf.is_compressed:
        return (*roles[leaf.form], "note")
    return (*roles[leaf.form], "shapes") if has_shapes(leaf) else roles[leaf.form]


def has_shapes(leaf: Leaf) -> bool:
    """Whether the arrays of the leaf have a second column for their shapes."""
    return leaf.form == "ragged" and leaf.ndim > 1


def spans_of(placement: Placement, size_bytes: int) -> list[Spans]:
    """The spans of each leaf of a shard of that size.

    Raises:
        ValueError: they are too many or too few, or lie outside.
    """
    assert placement.schema is not None
    roles = [roles_of(leaf) for leaf in leaves_of(placement.schema)]
    spans = placement.spans
    if len(spans) != 2 * sum(map(len, roles)):
        raise ValueError(f"it has {len(spans)} numbers for {sum(map(len, roles))} buffers")
    pairs = list(zip(spans[::2], spans[1::2], strict=True))
    for begin, length in pairs:
        if begin < 0 or length < 0 or begin + length > size_bytes:
            raise ValueError(f"{length} bytes from {begin} on lie outside of its {size_bytes}")
    following = iter(pairs)
    return [{role: next(following) for role in names} for names in roles]


def packed(placements: Iterable[Placed], schema: Schema | None) -> list[Placed]:
    """The placements with numbers for repeated ones, and without the schema of the version."""
    schemas: list[Schema | None] = [schema]
    firsts: dict[tuple[int, tuple[int, ...]], int] = {}
    found: list[Placed] = []
    for number, placed in enumerate(placements):
        if not isinstance(placed, Placement):
            found.append(placed)
            continue
        if placed.schema not in schemas:
            schemas.append(placed.schema)
        own = schemas.index(placed.schema)
        first = firsts.setdefault((own, placed.spans), number)
        kept = Placement(placed.spans, placed.schema if own else None)
        found.append(kept if first == number else first)
    return found


def unpacked(placements: Sequence[Placed], schema: Schema | None) -> list[Placed]:
    """What `packed` was given.

    Raises:
        ValueError: a number is not that of an earlier shard with a placement of its own.
    """
    found: list[Placed] = []
    for number, placed in enumerate(placements):
        if isinstance(placed, int):
            if not 0 <= placed < number or not isinstance(found[placed], Placement):
                raise ValueError(f"shard {number} lies like shard {placed}, no earlier one")
            found.append(found[placed])
        elif placed is not None and placed.schema is None:
            found.append(Placement(placed.spans, schema))
        else:
            found.append(placed)
    return found
