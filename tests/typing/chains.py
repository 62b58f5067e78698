"""Types that run through a chain. Type checkers read this module; nothing runs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_type

import headrace as hr


def parsed(line: str) -> float:
    return float(line)


def summed(numbers: list[int]) -> int:
    return sum(numbers)


def letters(word: str) -> list[str]:
    return list(word)


async def fetched(number: int) -> bytes:
    return bytes(number)


def lengths(texts: Iterator[str]) -> Iterator[int]:
    yield from map(len, texts)


numbers = hr.stream([1, 2, 3])
ref = hr.DataRef.from_sequence([1, 2, 3])
words = numbers.map(str)

# A source gives its type, whether it is read again or made anew.
assert_type(numbers, hr.Stream[int])
assert_type(hr.stream(lambda: iter(["a", "b"])), hr.Stream[str])

# One record for one record.
assert_type(words, hr.Stream[str])
assert_type(words.map(parsed), hr.Stream[float])
assert_type(numbers.enumerate(), hr.Stream[tuple[int, int]])
assert_type(numbers.tap(print), hr.Stream[int])

# Fewer, more, others: the type stays.
assert_type(words.filter(str.isalpha).take(2).skip(1).repeat(3), hr.Stream[str])
assert_type(words.shuffle(100, seed=7).shard(0, 2), hr.Stream[str])
assert_type(words.concat(words), hr.Stream[str])
assert_type(words.flat_map(letters), hr.Stream[str])

# Batches: strings stay a list, lists are lists, a function gives what it returns.
assert_type(hr.stream([1, 2]).map(str).batch(2), hr.Stream[list[str]])
untyped: hr.Stream[Any] = hr.Storage("memory://").submit([1], "ones", "1").stream()
columns: hr.Stream[dict[str, int]] = untyped.batch(2)
assert_type(numbers.batch(2, collate="list"), hr.Stream[list[int]])
assert_type(numbers.batch(2, collate=summed), hr.Stream[int])

# What a chain is read as.
assert_type(words.collect(), list[str])


def a_loop_gives_the_type() -> None:
    for word in words:
        assert_type(word, str)


def a_loader_gives_the_type_of_its_stream() -> None:
    for batch in hr.DataLoader(words.batch(2)):
        assert_type(batch, list[str])


# Many at once, and ahead: what the function gives, also where it is awaited.
assert_type(numbers.async_map(str), hr.Stream[str])
assert_type(numbers.async_map(fetched, buffer=2), hr.Stream[bytes])
assert_type(words.prefetch(2), hr.Stream[str])

# Regrouped: windows and groups are lists, of the collated the type is not known.
assert_type(words.window(3), hr.Stream[list[str]])
assert_type(words.window(3, 2, partial=True, collate="list"), hr.Stream[list[str]])
assert_type(words.group_by(len, window=9), hr.Stream[list[str]])
stacked: hr.Stream[dict[str, int]] = untyped.window(3, collate="stack")

# Joined: streams of one type, or a choice of another.
assert_type(words.mix(words, words, weights=[2, 1, 1], seed=1, stop="all"), hr.Stream[str])
assert_type(words.interleave(words, stop="all"), hr.Stream[str])
assert_type(numbers.choose(words, words), hr.Stream[str])
assert_type(hr.mix([words, words], [3, 1], seed=1), hr.Stream[str])
assert_type(hr.mix([ref, ref], {0: [1, 1], 10_000: [3, 1]}, seed=1), hr.DataRef[int])
assert_type(ref.sample([1, 2, 3], n=9, seed=1), hr.DataRef[int])

# Flow, errors and watching leave the type; a function between iterators says it.
assert_type(words.cache().rotate(2, window=9).cycle(2), hr.Stream[str])
assert_type(words.fork(2), tuple[hr.Stream[str], ...])
assert_type(words.through(lengths), hr.Stream[int])
assert_type(words.on_error("skip", budget=3), hr.Stream[str])
assert_type(words.on_error("substitute", value=""), hr.Stream[str])
assert_type(words.monitor(print).progress(), hr.Stream[str])

# Files: from their names to what they hold, and into storage.
assert_type(words.open(), hr.Stream[hr.parse.File])
assert_type(words.open().map(hr.parse.decompress()), hr.Stream[hr.parse.File])
assert_type(words.open().flat_map(hr.parse.lines()), hr.Stream[str])
assert_type(words.open().flat_map(hr.parse.csv()), hr.Stream[dict[str, Any]])
assert_type(words.save("out", name=str.title), hr.Stream[str])
assert_type(words.submit(hr.Storage("memory://"), "words", "1.0"), hr.DataRef[Any])
