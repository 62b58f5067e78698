"""The sequences of tokens that are packed: of random lengths, and of text that is there anyway."""

# Any, in this file: records as both ways to pack take them.
from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ROW_TOKENS = 2_048
SEQUENCES = 20_000
# Cut at a row, lengths of 403 tokens on average: a tenth is under 108, a tenth over 824.
MEDIAN_TOKENS, SIGMA = 300, 0.8
VOCABULARY = 50_257
# A text is a function or a class of the standard library, a token a word or a sign.
TEXT = re.compile(r"^(?=(?:async def|def|class)\b)", re.MULTILINE)
TOKEN = re.compile(r"\w+|[^\w\s]")

Record = dict[str, npt.NDArray[Any]]


@lru_cache(maxsize=1)
def lognormal(count: int) -> list[Record]:
    """Sequences of random tokens, their lengths drawn from a lognormal distribution."""
    rng = np.random.default_rng(7)
    drawn = rng.lognormal(np.log(MEDIAN_TOKENS), SIGMA, count)
    lengths = np.clip(drawn, 1, ROW_TOKENS).astype(int)
    return [{"tokens": rng.integers(1, VOCABULARY, length, dtype=np.int32)} for length in lengths]


@lru_cache(maxsize=1)
def standard_library(count: int) -> list[Record]:
    """Its texts in the order of its files, the first so many; none longer than a row."""
    numbers: dict[str, int] = {}
    found: list[Record] = []
    for text in _texts():
        if len(found) == count:
            break
        words = TOKEN.findall(text)[:ROW_TOKENS]
        tokens = [numbers.setdefault(word, len(numbers) + 1) for word in words]
        if tokens:
            found.append({"tokens": np.array(tokens, dtype=np.int32)})
    return found


def _texts() -> Iterator[str]:
    folder = Path(sysconfig.get_path("stdlib"))
    for path in sorted(folder.rglob("*.py")):
        if "site-packages" not in path.parts:
            yield from TEXT.split(path.read_text(encoding="utf-8", errors="replace"))
