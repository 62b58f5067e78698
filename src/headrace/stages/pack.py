"""`pack`: sequences of tokens into rows of fixed length, in one of two ways."""

from __future__ import annotations

from typing import Literal

from headrace.contracts.errors import ArgumentError, near
from headrace.stages.pack_first_fit import Overflow, PackFirstFit
from headrace.stages.pack_split import PackSplit

Mode = Literal["first_fit", "split"]
MODES = ("first_fit", "split")

# Of texts of some 400 tokens in rows of 2,048, windows of this many leave 0.4 % of padding, those
# of 256 leave 1.1 %, those of 64 leave 4.6 %.
PACK_WINDOW = 1_024


def packing(
    length: int,
    *,
    mode: Mode = "first_fit",
    window: int = PACK_WINDOW,
    field: str | None = None,
    overflow: Overflow = "raise",
    separator: int | None = None,
) -> PackFirstFit | PackSplit:
    """Packs sequences of tokens into rows of `length` tokens.

    A sequence is a 1-D integer array or a list of integers; of records that are dicts, `field`
    names it, and the other fields are left out. Sequences without tokens are left out.

    "first_fit" keeps sequences whole: within each aligned window of `window` positions, the
    longest first, each goes into the first row with room for it; what is left of a row is
    padding, the less the wider the window. Rows come in the order of their first sequences, and
    in a row sequences are in theirs. A sequence longer than a row is an error; with
    `overflow="split"` it is packed in pieces.

    "split" joins the sequences, puts the `separator` behind each one, and cuts the whole every
    `length` tokens: no padding but in the last row of the epoch. What is cut goes on in the next
    row as a segment of its own. `window` and `overflow` do not concern it.

    **Shape**: a dict of three arrays of shape (length,): "tokens" of the sequences' dtype;
    "segment_ids" int32, which sequence of the row a token belongs to, from 1, with 0 for padding;
    "positions" int32, the token's place in its segment. **Length**: not known. **State**: outputs
    delivered of the current window; or the state before the oldest sequence that is not used up,
    and how many tokens of it are. **Cost** of a resume: one window, or one sequence.

    Raises:
        ArgumentError: `length` or `window` is below 1, `mode` or `overflow` is unknown,
            `separator` is missing for "split" or given for "first_fit".
        RecordError: a record is no sequence of integers, is longer than a row, or differs in
            dtype from others in its row.

    Example:
        >>> import headrace as hr
        >>> rows = hr.stream([[5, 6, 7], [8, 9], [4]]).pack(4).collect()
        >>> [row["tokens"].tolist() for row in rows], rows[0]["segment_ids"].tolist()
        ([[5, 6, 7, 4], [8, 9, 0, 0]], [1, 1, 1, 2])
        >>> rows = hr.stream([[5, 6, 7], [8, 9]]).pack(4, mode="split", separator=1).collect()
        >>> [row["tokens"].tolist() for row in rows]
        [[5, 6, 7, 1], [8, 9, 1, 0]]
    """
    if mode not in MODES:
        raise ArgumentError(
            f"pack's mode must be the name of a way to fill rows, got {mode!r}. "
            + near(str(mode), MODES)
        )
    if mode == "split":
        return PackSplit(length, separator, field)
    if separator is not None:
        raise ArgumentError(
            f'pack(mode="first_fit") was given the separator {separator!r}. It joins nothing: '
            'segment_ids tell sequences apart. Leave it out, or pass mode="split".'
        )
    return PackFirstFit(length, window, field, overflow)
