"""`pack(mode="split")`: documents joined and cut into rows of fixed length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from headrace.contracts import Block, Cursor, Run, State, marker, rows, with_memo
from headrace.contracts.errors import ArgumentError, RecordError, whole
from headrace.stages.packed import Row, Tokens, packed, tokens_of

# Any, in this file: a stage is met before its record types are known.


@dataclass(frozen=True)
class PackSplit:
    """Joins documents, each ended by `separator`, and cuts the whole into rows.

    Written as `.pack(length, mode="split", separator=...)`; see `headrace.stages.packing`.
    **Length**: not known. **State**: the state before the oldest document that is not used up,
    and how many tokens of it are.
    """

    replays: ClassVar[bool] = True

    row_length: int
    separator: int | None
    field: str | None = None

    def __post_init__(self) -> None:
        remedy = "Give the number of tokens in a row."
        whole("the length of packed rows", self.row_length, least=1, remedy=remedy)
        if self.separator is None:
            raise ArgumentError(
                'pack(mode="split") got no separator. The token that ends each document was '
                "expected. Pass it as separator=, such as the tokenizer's end of text."
            )
        remedy = "Give the number of the token that ends a document."
        whole("the separator of pack", self.separator, least=0, remedy=remedy)

    def __str__(self) -> str:
        field = "" if self.field is None else f", field={self.field!r}"
        return f"pack({self.row_length}, mode=split{field}, separator={self.separator})"

    def length(self, before: int | None) -> int | None:
        return 0 if before == 0 else None

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> SplitCursor:
        return SplitCursor(parent, self, memo or 0)

    def document_of(self, record: Any) -> Tokens:
        """The record's tokens and the separator; a record of no tokens stays one."""
        tokens = tokens_of(record, self.field)
        if not len(tokens):
            return tokens
        limits = np.iinfo(tokens.dtype)
        assert self.separator is not None
        if self.separator > limits.max:
            raise RecordError(
                f"the separator {self.separator} was asked for among tokens of {tokens.dtype}, "
                f"which end at {limits.max}. Convert the tokens with .map to a wider dtype."
            )
        return np.concatenate([tokens, np.array([self.separator], dtype=tokens.dtype)])


class SplitCursor:
    """Holds the rest of one document; its state says where that document begins."""

    def __init__(self, parent: Cursor[Any], stage: PackSplit, used: int) -> None:
        self._parent = parent
        self._stage = stage
        self._mark = marker(parent)
        self._begin = self._mark()
        self._used = used
        self._document: Tokens | None = None
        self._failure: BaseException | None = None

    def read(self, n: int) -> Block[Any]:
        if self._failure is not None:
            raise self._failure
        made: list[Row] = []
        while len(made) < n:
            before = self._begin, self._used
            try:
                pieces = self._pieces()
                if not pieces:
                    break
                made += packed([pieces], self._stage.row_length)
            except BaseException as error:
                self._begin, self._used = before
                self._failure = error
                if not made:
                    raise
                break
        return made

    def state(self) -> State:
        return with_memo(self._begin.state(), self._used)

    def close(self) -> None:
        self._parent.close()

    def _pieces(self) -> list[Tokens]:
        """What stands in the next row; none at the end of the epoch."""
        pieces: list[Tokens] = []
        room = self._stage.row_length
        while room and (self._document is not None or self._draw()):
            assert self._document is not None
            piece = self._document[self._used : self._used + room]
            self._used += len(piece)
            room -= len(piece)
            if len(piece):
                pieces.append(piece)
            if self._used >= len(self._document):
                self._begin, self._used, self._document = self._mark(), 0, None
        return pieces

    def _draw(self) -> bool:
        block = rows(self._parent.read(1))
        if block:
            self._document = self._stage.document_of(block[0])
        return bool(block)
