"""Addresses and messages as they may be shown: without passwords, tokens and signatures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import xxhash

HIDDEN = "***"
WEB = ("http", "https")
# Behind a question mark in an address of a store: `?` alone may be of a pattern of files.
QUERY = re.compile(r"\?[^/?=&]+=")
# What stands where no credentials do.
HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(:[0-9]*)?")
# An address within a text ends where none of its own characters comes.
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://[^\s\"'<>`]+")
# The identifiers of AWS's keys, which its servers repeat in their answers.
KEY_IDENTIFIER = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b")
# Options whose values nobody else may see, by what their names hold.
SECRET = re.compile(r"key|secret|token|pass|sas|sig|cred|auth|cookie|header", re.IGNORECASE)
# Hiding a shorter text would hide words that are no secret.
LEAST_SECRET = 4
# What is shorter, and not called a secret, can be guessed and is none.
LEAST_TOKEN = 16


def showable(url: str) -> str:
    """An address without what only its owner may know; a path stays as it is.

    Credentials in front of the host, the values of a query and a fragment are hidden.

    Example:
        >>> showable("https://me:secret@host/digits.csv?sv=1&sig=abc")
        'https://***@host/digits.csv?sv=***&sig=***'
        >>> showable("s3://bucket/part-?.csv")
        's3://bucket/part-?.csv'
    """
    return _without(url, _hidden)


def comparable(text: str) -> str:
    """A text to be kept and compared, with the credentials of addresses in it hidden.

    Other values of a query stay, since they say what is asked for; long ones as a digest.

    Example:
        >>> comparable("https://me:secret@host/table?page=2&sig=abc")
        'https://***@host/table?page=2&sig=***'
    """
    return ADDRESS.sub(lambda found: _without(found[0], _hidden_if_secret), text)


def _without(url: str, hide: Callable[[str], str]) -> str:
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    rest = _without_user(rest)
    query = re.search(r"[?#]", rest) if scheme.lower() in WEB else QUERY.search(rest)
    if query is None:
        return f"{scheme}://{rest}"
    place, asked = rest[: query.start()], rest[query.start() :]
    return f"{scheme}://{place}{_without_values(asked, hide)}"


def without_secrets(text: str, options: Mapping[str, object] | None = None) -> str:
    """A message of another library without the secrets of addresses and options in it.

    Example:
        >>> without_secrets("GET https://host/a?sig=abc failed: hunter2", {"password": "hunter2"})
        'GET https://host/a?sig=*** failed: ***'
    """
    for secret in sorted(_secrets(options or {}), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = ADDRESS.sub(lambda found: showable(found[0]), text)
    return KEY_IDENTIFIER.sub(HIDDEN, text)


def _without_user(rest: str) -> str:
    """What follows `://` without credentials, also where a password holds `/`, `?` or `#`."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    is_torn = "@" not in authority and not HOST.fullmatch(authority)
    _, at, host = (rest if is_torn else authority).rpartition("@")
    if not at:
        return rest
    return f"{HIDDEN}@{host}" if is_torn else f"{HIDDEN}@{host}{rest[len(authority) :]}"


def _without_values(asked: str, hide: Callable[[str], str]) -> str:
    """A query, from its mark on, with what is left of its parts."""
    parts = re.split(r"([?&#;])", asked)
    return "".join(part if part in "?&#;" else hide(part) for part in parts)


def _hidden(part: str) -> str:
    name, equals, _ = part.partition("=")
    return f"{name}={HIDDEN}" if equals else HIDDEN


def _hidden_if_secret(part: str) -> str:
    name, equals, value = part.partition("=")
    if equals and SECRET.search(name):
        return f"{name}={HIDDEN}"
    content = value if equals else name
    if len(content) < LEAST_TOKEN:
        return part
    digest = HIDDEN + xxhash.xxh3_64_hexdigest(content.encode("utf-8", "surrogatepass"))
    return f"{name}={digest}" if equals else digest


def _secrets(options: Mapping[str, object], *, is_secret: bool = False) -> Iterator[str]:
    for name, value in options.items():
        hides = is_secret or SECRET.search(name) is not None
        if isinstance(value, Mapping):
            yield from _secrets(value, is_secret=hides)
        elif hides and isinstance(value, str) and len(value) >= LEAST_SECRET:
            yield value
