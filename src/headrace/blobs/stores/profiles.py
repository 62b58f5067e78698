"""Credentials in the files that AWS's own tools write, which obstore does not read."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

from headrace.contracts.errors import ArgumentError, near

# What a profile says, and the option of obstore that it is.
KEYS = {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
}
# Variables and options by which credentials are found otherwise begin so.
OTHERWISE = (
    "access_key_id",
    "container_",
    "credential_provider",
    "role_arn",
    "secret_access_key",
    "skip_signature",
    "web_identity_token_file",
)


def profile(said: Mapping[str, object], environment: Mapping[str, str]) -> dict[str, str]:
    """The options that the chosen profile adds to those that are said.

    It is the one that AWS_PROFILE names, else the default one; variables go before it.

    Raises:
        ArgumentError: there is no profile of that name, or a file is no such file.
    """
    named = environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE")
    known = {name.lower().removeprefix("aws_") for name in (*said, *environment)}
    found = _sections(environment)
    if named and named not in found:
        raise ArgumentError(
            f"AWS_PROFILE is {named!r}, and no such profile is in ~/.aws. {near(named, found)}"
        )
    section = found.get(named or "default", {})
    names = {} if any(name.startswith(OTHERWISE) for name in known) else dict(KEYS)
    if not known & {"region", "default_region"}:
        names["region"] = "region"
    if not any(name.startswith("endpoint") for name in known):
        names["endpoint_url"] = "endpoint"
    return {names[name]: value for name, value in section.items() if name in names}


def _sections(environment: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The profiles in both files, by name; what the credentials say goes before the rest."""
    folder = os.path.expanduser("~/.aws")  # unlike Path's, no error of who has no home
    found: dict[str, dict[str, str]] = {}
    for variable, file in (
        ("AWS_CONFIG_FILE", "config"),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
    ):
        said = environment.get(variable)
        parser = _parsed(Path(os.path.expanduser(said) if said else f"{folder}/{file}"))
        for section in parser.sections():
            name = section.removeprefix("profile ").strip()
            found[name] = {**found.get(name, {}), **dict(parser.items(section))}
    return found


def _parsed(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, "utf-8")
    except (OSError, ValueError, configparser.Error) as error:
        kind = type(error).__name__
    else:
        return parser
    # Not the error's own text: it has lines of the file in it.
    raise ArgumentError(
        f"{path} was to be read for credentials of AWS, and is no file of theirs ({kind}). "
        "Mend it, or pass the credentials in storage_options."
    )
