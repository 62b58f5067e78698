"""Options of stores as values: they are compared, sent to workers, and have defaults."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from headrace.contracts.errors import ArgumentError

# Any, in this file: the options of a store are those that obstore knows.

# Options as they are hashed and sent: (name, value) pairs, of mappings in them too.
Options: TypeAlias = "tuple[tuple[str, Any], ...]"

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
# What obstore calls RetryConfig.
RETRY_OPTIONS = frozenset({"backoff", "max_retries", "retry_timeout"})
# What holds options of its own.
GROUPS = frozenset({"backoff", "client_options", "retry_config"})
# A store that says nothing for 30 s is asked again; an answer may take longer as long as it comes.
CLIENT_DEFAULTS = {"connect_timeout": "5s", "read_timeout": "30s", "timeout": "10m"}
# A throttled store is given a minute or two, and no signature gets older than five.
RETRY_DEFAULTS = {"max_retries": 10, "retry_timeout": timedelta(seconds=120)}


def options_of(storage_options: Any, *, name: str = "storage_options") -> Options:
    """The options as a value that can be compared.

    Raises:
        ArgumentError: they, or those of a group in them, are no mapping of names.
    """
    if storage_options is None:
        return ()
    if not isinstance(storage_options, Mapping) or not all(
        isinstance(name, str) for name in storage_options
    ):
        raise ArgumentError(
            f"{name} must be a dict by names, got {type(storage_options).__name__}. "
            'Pass what obstore takes for the store, such as {"region": "eu-central-1"}.'
        )
    ordered = sorted(storage_options.items())
    return tuple((key, _frozen(f"{name}[{key!r}]", key, value)) for key, value in ordered)


def grouped(options: Options) -> dict[str, Any]:
    """The options as obstore takes them: those of the client and of retries in dicts of theirs.

    Numbers of seconds become what obstore knows as time.
    """
    known = thawed(options)
    client = {name: known.pop(name) for name in CLIENT_OPTIONS & known.keys()}
    retry = {name: known.pop(name) for name in RETRY_OPTIONS & known.keys()}
    known["client_options"] = CLIENT_DEFAULTS | known.get("client_options", {}) | client
    known["retry_config"] = RETRY_DEFAULTS | _times(known.get("retry_config", {}) | retry)
    return known


def thawed(options: Options) -> dict[str, Any]:
    """The options as the dict that they were."""
    return {name: thawed(value) if isinstance(value, tuple) else value for name, value in options}


def with_timeout(options: Options, timeout: str) -> Options:
    """The options with a limit of time for each answer, unless they have one."""
    known = thawed(options)
    client = {"timeout": timeout, **known.get("client_options", {})}
    return options_of({**known, "client_options": client})


def with_firm_timeout(options: Options, timeout: str) -> Options:
    """The options with this limit of time for each answer, whatever they say."""
    known = thawed(options)
    known.pop("timeout", None)
    return options_of(
        {**known, "client_options": {**known.get("client_options", {}), "timeout": timeout}}
    )


def _frozen(name: str, key: str, value: Any) -> Any:
    if isinstance(value, Mapping) or key in GROUPS:
        return options_of(value, name=name)
    if isinstance(value, list | tuple | set):
        raise ArgumentError(
            f"{name} must be one value, got a {type(value).__name__}. "
            "Pass what obstore takes for the store, such as a text or a number."
        )
    return value


def _times(retry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _time(name, value) for name, value in retry.items()}


def _time(name: str, value: Any) -> Any:
    if name == "backoff":
        return _times(value)
    is_time = name in ("retry_timeout", "init_backoff", "max_backoff")
    return timedelta(seconds=value) if is_time and isinstance(value, int | float) else value
