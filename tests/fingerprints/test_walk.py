"""Fingerprints: equal where another process would find the same, different where not."""

from __future__ import annotations

import datetime
import functools
import operator
import os
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.fingerprints import NoFingerprint, fingerprint


def made(source: str, *, lines: int = 0, name: str = "made.py", **known: Any) -> Any:
    """The `f` that a piece of source defines, some lines further down."""
    names: dict[str, Any] = dict(known)
    exec(compile("\n" * lines + textwrap.dedent(source), name, "exec"), names)
    return names["f"]


CLOSING = """
def outer(k):
    def f(x):
        return [y * k for y in x if y in {"a", "b", "c"}]
    return f
f = outer(%s)
"""
COUNTING = """
class Scale:
    FACTOR = %s
    def __init__(self, n): self.n = n
    def __call__(self, x): return x * self.n * self.FACTOR
f = Scale(%s)
"""

DECORATED = """
import dataclasses, functools

def twice(fn):
    @functools.wraps(fn)
    def inner(self, x):
        return 2 * fn(self, x)
    return inner

@dataclasses.dataclass
class Step:
    name: str = "step"
    TABLE = (1, {"a": %s})
    half = functools.partialmethod(divmod, %s)

    def __post_init__(self): self.held = %s

    @twice
    def decorated(self, x): return x + %s

    @functools.lru_cache
    def cached(self, x): return x + %s

    def __call__(self, x, by=%s): return self.decorated(x) * by

f = Step()
"""


@pytest.mark.parametrize("part", range(6))
def test_a_class_is_all_that_its_methods_are_and_hold(part: int) -> None:
    parts = [1, 2, 3, 4, 5, 6]
    one = fingerprint(made(DECORATED % tuple(parts)))
    assert one == fingerprint(made(DECORATED % tuple(parts)))
    parts[part] = 7
    assert one != fingerprint(made(DECORATED % tuple(parts)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("f = lambda x: x + 1", "f = lambda x: x + 2"),
        ("f = lambda x: x + 1", "f = lambda x: x - 1"),
        ("f = lambda x: x.lower()", "f = lambda x: x.upper()"),
        ("f = lambda x: 1", "f = lambda x: 1.0"),
        ("f = lambda x: 1", "f = lambda x: True"),
        ("f = lambda x: 0.0", "f = lambda x: -0.0"),
        ("f = lambda x, n=1: x", "f = lambda x, n=2: x"),
        ("f = lambda x, *, n=1: x", "f = lambda x, *, n=2: x"),
        ("f = lambda x: (lambda: 1)", "f = lambda x: (lambda: 2)"),
        (CLOSING % 2, CLOSING % 3),
        (COUNTING % (1, 2), COUNTING % (1, 3)),
        (COUNTING % (1, 2), COUNTING % (2, 2)),
        (COUNTING % (1, 2), (COUNTING % (1, 2)).replace("x * self.n", "x + self.n")),
    ],
)
def test_a_function_is_its_code_constants_defaults_and_closure(one: str, other: str) -> None:
    assert fingerprint(made(one)) == fingerprint(made(one, lines=7, name="elsewhere.py"))
    assert fingerprint(made(one)) != fingerprint(made(other))


def test_the_helpers_that_a_function_calls_count_by_name_alone() -> None:
    source = "f = lambda x: helper(x)"
    one, other = made(source, helper=abs), made(source, helper=int)
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (functools.partial(operator.add, 1), functools.partial(operator.add, 2)),
        (functools.partial(sorted, reverse=True), functools.partial(sorted, reverse=False)),
        (len, abs),
        (str.lower, str.upper),
        ("a,b".split, "a b".split),
        (operator.itemgetter(0), operator.itemgetter(1)),
        (re.compile("a"), re.compile("b")),
        (np.arange(4), np.arange(5)),
        (np.arange(4), np.arange(4).reshape(2, 2)),
        (np.arange(4), np.arange(4).view("f8")),
        (np.add, np.subtract),
        (np.float32(1), np.float64(1)),
        (Path("a"), Path("b")),
        (datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)),
        ({"a": 1}, {"a": 2}),
        ((1, (2, 3)), (1, 2, 3)),
        (np.array([{"a": 1}, None]), np.array([{"a": 2}, None])),
    ],
    ids=repr,
)
def test_values_that_differ_have_other_fingerprints(one: Any, other: Any) -> None:
    assert fingerprint(one) != fingerprint(other)
    assert fingerprint(one) == fingerprint(one)


def test_sets_have_no_order_and_keywords_neither() -> None:
    assert fingerprint({"a", "b", 3}) == fingerprint({3, "b", "a"})
    one, other = functools.partial(print, end="", sep=""), functools.partial(print, sep="", end="")
    assert fingerprint(one) == fingerprint(other)


def test_a_value_may_close_over_itself() -> None:
    source = """
    def outer():
        def f(x):
            return f(x - %d) if x > 0 else x
        return f
    f = outer()
    """
    assert fingerprint(made(source % 1)) == fingerprint(made(source % 1))
    assert fingerprint(made(source % 1)) != fingerprint(made(source % 2))


def test_a_wrapped_function_is_what_it_wraps() -> None:
    def cached(fn: Callable[..., Any]) -> Any:
        return functools.lru_cache(fn)

    one, other = made("f = lambda x: x + 1"), made("f = lambda x: x + 2")
    assert fingerprint(cached(one)) == fingerprint(cached(made("f = lambda x: x + 1")))
    assert fingerprint(cached(one)) != fingerprint(cached(other))


def test_tensors_are_their_content() -> None:
    torch = pytest.importorskip("torch")
    half = torch.ones(2, dtype=torch.bfloat16)
    assert fingerprint(half) == fingerprint(torch.ones(2, dtype=torch.bfloat16))
    assert fingerprint(half) != fingerprint(2 * half)
    assert fingerprint(torch.tensor(1)) != fingerprint(torch.tensor(2))
    with pytest.raises(NoFingerprint, match="a tensor of layout torch.sparse_coo"):
        fingerprint(half.float().to_sparse())


@pytest.mark.parametrize("value", [(x for x in "a"), threading.Lock()], ids=["generator", "lock"])
def test_what_cannot_be_taken_apart_is_named(value: Any) -> None:
    def closing() -> Any:
        return value

    with pytest.raises(NoFingerprint, match="a value of type .*(generator|lock)"):
        fingerprint(closing)


@pytest.mark.slow
def test_it_is_the_same_in_every_process_whatever_its_hash_seed() -> None:
    program = textwrap.dedent(
        """
        import dataclasses, functools, operator, re, sys
        from headrace.fingerprints import fingerprint
        @dataclasses.dataclass(frozen=True)
        class Scale:
            names: frozenset
            cache: dict = dataclasses.field(default_factory=dict, compare=False)
            def __call__(self, x): return x in {"p", "q", "r", "s"} and x
        def outer(k):
            return lambda x, y={"a", "b"}: [x, k, {"u", "v", "w"}]
        values = [outer({"x", "y", "z"}), functools.partial(outer, k="k"), re.compile("x"),
                  Scale(frozenset({"d", "e", "f"}), {"of": sys.argv}), operator.itemgetter(2)]
        print(fingerprint(values))
        """
    )
    found = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program, seed]
        found.add(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    assert len(found) == 1
