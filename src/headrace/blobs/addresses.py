"""From an address to a store of obstore and a key in it; and what addresses a pattern means."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeAlias

from headrace.blobs.objects import fork_guard
from headrace.blobs.open import SCHEME
from headrace.contracts.errors import ArgumentError, StorageError, near
from headrace.deferred import obstore, obstore_exceptions, obstore_store

if TYPE_CHECKING:
    from obstore.store import ObjectStore

# Any, in this file: the options of a store are those that obstore knows.

# Options as they are hashed and sent: (name, value) pairs, of mappings in them too.
Options: TypeAlias = "tuple[tuple[str, Any], ...]"

WEB = ("http", "https")
STORES = ("s3", "gs", "az")
MAGIC = frozenset("*?[")
# What obstore calls ClientConfig. With these beside the store's own options it ends in a panic.
CLIENT_OPTIONS = frozenset(
    {
        "allow_http",
        "allow_invalid_certificates",
        "connect_timeout",
        "default_content_type",
        "default_headers",
        "http1_only",
        "http2_keep_alive_interval",
        "http2_keep_alive_timeout",
        "http2_keep_alive_while_idle",
        "http2_only",
        "pool_idle_timeout",
        "pool_max_idle_per_host",
        "proxy_ca_certificate",
        "proxy_excludes",
        "proxy_url",
        "randomize_addresses",
        "read_timeout",
        "root_certificate",
        "timeout",
        "user_agent",
    }
)
# A store keeps connections and credentials: files of one bucket share it.
STORES_KEPT = 32


def is_address(text: str) -> bool:
    """Whether it begins as `s3://` does."""
    return SCHEME.match(text) is not None


def scheme_of(url: str) -> str:
    """What an address begins with.

    Raises:
        ArgumentError: nothing of that kind can be read.
    """
    scheme = url.partition("://")[0].lower()
    if scheme in (*WEB, *STORES, "file"):
        return scheme
    if scheme == "memory":
        raise ArgumentError(
            f"files of a store were asked for, got {url!r}, and memory:// begins empty each time. "
            "Pass the records themselves: hr.stream([b'...'])."
        )
    raise ArgumentError(
        f"no file can be read from {scheme}://, got {url!r}. "
        f"{near(scheme, [*STORES, *WEB, 'file'])}"
    )


def options_of(storage_options: Any) -> Options:
    """The options as a value that can be compared.

    Raises:
        ArgumentError: they are no mapping of names.
    """
    if storage_options is None:
        return ()
    if not isinstance(storage_options, Mapping) or not all(
        isinstance(name, str) for name in storage_options
    ):
        raise ArgumentError(
            f"storage_options must be a dict by names, got {type(storage_options).__name__}. "
            'Pass what obstore takes for the store, such as {"region": "eu-central-1"}.'
        )
    return tuple(
        (name, options_of(value) if isinstance(value, Mapping) else value)
        for name, value in sorted(storage_options.items())
    )


def addresses(url: str, options: Options) -> list[str]:
    """The address itself; of a folder (it ends in `/`) or pattern, those of its files, sorted.

    Raises:
        ArgumentError: there is no such file.
        StorageError: the store cannot be listed.
    """
    if scheme_of(url) in WEB or not (url.endswith("/") or MAGIC & set(_split(url)[1])):
        return [url]
    root, pattern = _split(url)
    parts = (f"{pattern}**" if pattern.endswith("/") or not pattern else pattern).split("/")
    plain = next(at for at, part in enumerate(parts) if MAGIC & set(part))
    with asking(url):
        store = store_of(root, options)
        listing = obstore.list(store, "/".join(parts[:plain]) or None)
        keys = [meta["path"] for chunk in listing for meta in chunk]
    found = sorted(f"{root}/{key}" for key in keys if _fits(key.split("/"), parts))
    if not found:
        raise ArgumentError(
            f"a file at least was expected, and {url!r} stands for none. "
            "Check the bucket and the pattern; ** stands for folders in folders."
        )
    return found


def located_in(url: str, options: Options) -> tuple[ObjectStore, str]:
    """The store that holds the file, and its key there."""
    if scheme_of(url) in WEB:
        # The whole address is the store's: a key would lose what follows a question mark.
        return store_of(url, options), ""
    root, key = _split(url)
    return store_of(root, options), key


def with_timeout(options: Options, timeout: str) -> Options:
    """The options with a limit of time for each answer, unless they have one."""
    known = _grouped(options)
    client = {"timeout": timeout, **known.get("client_options", {})}
    return options_of({**known, "client_options": client})


@functools.lru_cache(maxsize=STORES_KEPT)
def store_of(root: str, options: Options) -> ObjectStore:
    """The store at an address; credentials come from the environment where options have none."""
    known = _grouped(options)
    names = sorted(known)
    try:
        if scheme_of(root) not in WEB:
            return obstore_store.from_url(root, **known)
        # An address that says http:// means it.
        client: Any = {"allow_http": True, **known.pop("client_options", {})}
        return obstore_store.HTTPStore.from_url(root, client_options=client, **known)
    except (obstore_exceptions.BaseError, TypeError, ValueError) as error:
        raise ArgumentError(
            f"{root!r} cannot be opened with the options {names}: {_reason(error)}. "
            "Pass in storage_options what obstore takes for that store."
        ) from error


@contextmanager
def asking(url: str) -> Iterator[None]:
    """Turns the errors of a store into ours.

    Raises:
        StorageError: nothing is there, or it cannot be reached; or this process was forked.
    """
    if fork_guard().is_child:
        raise StorageError(
            f"{url} was to be read in a forked process, where it would hang. Read it in this "
            'process or in threads, or begin workers by "forkserver" or "spawn".'
        )
    try:
        yield
    except (obstore_exceptions.NotFoundError, FileNotFoundError) as error:
        raise StorageError(
            f"{url} was to be read, and nothing is there. Check the address."
        ) from error
    except obstore_exceptions.PreconditionError as error:
        raise StorageError(
            f"{url} was to be read, and has changed since it was opened. Read it again."
        ) from error
    except obstore_exceptions.BaseError as error:
        raise StorageError(
            f"{url} was to be read, and cannot be: {_reason(error)}. "
            "Check the address, the credentials and the network."
        ) from error


def _reason(error: Exception) -> str:
    # What follows the first line is obstore's internal state.
    return str(error).partition("\n")[0].strip().rstrip(".:")


def _split(url: str) -> tuple[str, str]:
    """The part of an address that is a store, and the key or pattern behind it."""
    scheme, _, rest = url.partition("://")
    bucket, slash, key = rest.partition("/")
    if not bucket or not slash:
        raise ArgumentError(
            f"an address of files was expected, got {url!r}. "
            f"Write it like {scheme}://bucket/folder/file; one that ends in / stands for a folder."
        )
    return f"{scheme}://{bucket}", key


def _fits(parts: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        rests = (parts[at:] for at in range(len(parts) + 1))
        return pattern == ["**"] or any(_fits(rest, pattern[1:]) for rest in rests)
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _grouped(options: Options) -> dict[str, Any]:
    """The options as a dict, those of the client in one of their own."""
    known = _thawed(options)
    client = {name: known.pop(name) for name in CLIENT_OPTIONS & known.keys()}
    if client:
        known["client_options"] = known.get("client_options", {}) | client
    return known


def _thawed(options: Options) -> dict[str, Any]:
    return {name: _thawed(value) if isinstance(value, tuple) else value for name, value in options}
