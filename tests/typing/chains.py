"""Types that run through a chain. Type checkers read this module; nothing runs it."""

from __future__ import annotations

from typing import Any, assert_type

import headrace as hr


def parsed(line: str) -> float:
    return float(line)


def summed(numbers: list[int]) -> int:
    return sum(numbers)


def letters(word: str) -> list[str]:
    return list(word)


numbers = hr.stream([1, 2, 3])
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
