"""Options of stores: compared and sent as they were given, completed where they are used."""

from __future__ import annotations

from datetime import timedelta

import pytest

from headrace.blobs.open import open_blobs
from headrace.blobs.stores.options import (
    grouped,
    options_of,
    thawed,
    with_firm_timeout,
    with_timeout,
)
from headrace.contracts.errors import ArgumentError

GIVEN = {"region": "eu", "timeout": "9s", "retry_config": {"max_retries": 1}}


def test_options_are_a_value() -> None:
    assert options_of(GIVEN) == options_of(dict(reversed(GIVEN.items())))
    assert hash(options_of(GIVEN)) == hash(options_of(dict(GIVEN)))
    assert thawed(options_of(GIVEN)) == GIVEN
    assert options_of(None) == options_of({}) == ()


@pytest.mark.parametrize("given", ["region", [("region", "eu")], {1: "eu"}])
def test_options_that_are_no_mapping_of_names_are_refused(given: object) -> None:
    with pytest.raises(ArgumentError, match="storage_options must be a dict by names, got .* Pass"):
        options_of(given)


@pytest.mark.parametrize("group", ["retry_config", "client_options", "backoff"])
def test_a_group_of_options_that_is_none_is_refused(group: str) -> None:
    message = rf"storage_options\['{group}'\] must be a dict by names, got str\. Pass what"
    with pytest.raises(ArgumentError, match=message):
        open_blobs("s3://bucket", storage_options={group: "text"})


@pytest.mark.parametrize("value", [("eu", "us"), ["eu"], {"eu"}])
def test_options_of_many_values_are_refused(value: object) -> None:
    message = r"storage_options\['region'\] must be one value, got a (tuple|list|set)\. Pass what"
    with pytest.raises(ArgumentError, match=message):
        options_of({"region": value})


@pytest.mark.parametrize(
    "retry", [{"max_retries": -1}, {"max_retries": "3"}, {"retry_timeout": float("inf")}]
)
def test_numbers_that_obstore_does_not_take_are_told(retry: dict[str, object]) -> None:
    with pytest.raises(ArgumentError, match="'s3://bucket' cannot be opened with the options"):
        open_blobs("s3://bucket", storage_options=retry)


def test_options_find_their_groups_and_what_is_not_said_has_defaults() -> None:
    known = grouped(options_of({**GIVEN, "retry_timeout": 7, "backoff": {"init_backoff": 0.5}}))
    assert known == {
        "region": "eu",
        "client_options": {"connect_timeout": "5s", "read_timeout": "30s", "timeout": "9s"},
        "retry_config": {
            "max_retries": 1,
            "retry_timeout": timedelta(seconds=7),
            "backoff": {"init_backoff": timedelta(seconds=0.5)},
        },
    }


def test_a_firm_limit_of_time_goes_before_what_is_said() -> None:
    for given in (GIVEN, {"client_options": {"timeout": "9s"}}, {}):
        known = grouped(with_firm_timeout(options_of(given), "5s"))
        assert known["client_options"]["timeout"] == "5s"


def test_a_limit_of_time_is_added_where_there_is_none() -> None:
    assert grouped(with_timeout((), "24h"))["client_options"]["timeout"] == "24h"
    assert grouped(with_timeout(options_of(GIVEN), "24h"))["client_options"]["timeout"] == "9s"
