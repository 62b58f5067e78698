"""From an address and options to a store of obstore."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from headrace.blobs.showable import showable, without_secrets
from headrace.blobs.stores.options import Options, grouped, thawed
from headrace.blobs.stores.profiles import profile
from headrace.contracts.errors import ArgumentError
from headrace.deferred import obstore_exceptions, obstore_store
from headrace.settings import store_environment

if TYPE_CHECKING:
    from obstore.store import ObjectStore

# Any, in this file: the options of a store are those that obstore knows.

WEB = ("http", "https")
STORES = ("s3", "gs", "az")
# How options and variables are called that say where a store is reached.
PLACES = ("endpoint", "base_url")


def connected(url: str, options: Options, *, is_retrying: bool = True) -> ObjectStore:
    """The store at a bucket and a prefix, or at the address of a web server.

    Credentials and endpoints that the options do not have come from the environment. Nothing is
    asked yet.

    Raises:
        ArgumentError: obstore does not take the options, or something is missing.
    """
    is_s3 = url.lower().startswith("s3://")
    found = profile(thawed(options), store_environment()) if is_s3 else {}
    try:
        return _made(url, _completed(url, options, found, is_retrying=is_retrying))
    except (obstore_exceptions.BaseError, OverflowError, TypeError, ValueError) as error:
        # What follows the first line is obstore's internal state.
        reason = str(error).partition("\n")[0].strip().rstrip(".:")
    names = sorted(name for name, _ in options)
    raise ArgumentError(
        f"{showable(url)!r} cannot be opened with the options {names}: "
        f"{without_secrets(reason, secrets(options))}. "
        "Pass in storage_options what obstore takes for that store."
    )


def secrets(options: Options) -> dict[str, Any]:
    """What must not be shown is among these: the options, and the environment of the stores."""
    environment, said = store_environment(), thawed(options)
    found: dict[str, Any] = {}
    # What is wrong with a profile was told when it was asked for, if it was.
    with suppress(ArgumentError):
        found = {**profile(said, environment)}
    return {**environment, **found, **said}


def _completed(
    url: str, options: Options, found: dict[str, str], *, is_retrying: bool
) -> dict[str, Any]:
    """The options as obstore takes them, with what was found elsewhere."""
    known: dict[str, Any] = {**grouped(options), **found}
    if not is_retrying:
        known["retry_config"] = known["retry_config"] | {"max_retries": 0}
    # An address that says http:// means it.
    known["client_options"] = {"allow_http": _is_plain(url, known)} | known["client_options"]
    return known


def _made(url: str, known: dict[str, Any]) -> ObjectStore:
    scheme, _, place = url.partition("://")
    if scheme.lower() in WEB:
        return obstore_store.HTTPStore.from_url(url, **known)
    bucket, _, prefix = place.partition("/")
    # Not from_url: it takes `%20`, `?` and `#` in a prefix for something else.
    known["prefix"] = prefix.strip("/") or None
    match scheme.lower():
        case "s3":
            return obstore_store.S3Store(bucket, **known)
        case "gs":
            return obstore_store.GCSStore(bucket, **known)
        case _:
            return obstore_store.AzureStore(bucket, **known)


def _is_plain(url: str, known: dict[str, Any]) -> bool:
    said = {**store_environment(), **known}
    named = [value for name, value in said.items() if any(at in name.lower() for at in PLACES)]
    return any(str(place).lower().startswith("http://") for place in [url, *named])
