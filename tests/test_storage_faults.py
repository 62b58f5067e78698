"""S3 on a bad day, by a proxy of ours: right records or a StorageError, soon, and no rebuild."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NoReturn, TypeAlias

import pytest
from tests.faults.builders import records, seed_of
from tests.faults.killing import context
from tests.servers.faults import Answer, Asked, Cut, Drop, Fault, Hang, Slow
from tests.servers.proxy import Proxy
from tests.servers.serving import Store

from headrace.blobs import ObjectBlobs
from headrace.blobs.stores.options import options_of
from headrace.contracts.errors import Forbidden, StorageError, Unreachable
from headrace.storage import Storage

# Any, in this file: the options of a store are those that obstore knows.

LIMIT_S = 20
# Of the records of a version: two shards.
SHARD_BYTES = 13_000
# Asks again soon, and gives up within seconds.
HASTY: dict[str, Any] = {
    "max_retries": 2,
    "retry_timeout": 3,
    "read_timeout": "0.3s",
    "timeout": "1s",
    "backoff": {"init_backoff": 0.01, "max_backoff": 0.05},
}
# The next builder waits this long for one that was killed, instead of half a minute.
LEASE_S = 0.5
# A builder makes fewer requests than that.
MOST_REQUESTS = 100
# Builders are killed at each fourth request.
STRIDE = 4
# What may become of a request: each one of an action meets one of these, and one of those.
BAD_ANSWERS = (Answer(503), Drop(), Drop(after=True), Hang(after=True), Cut(7), Slow(100_000))
ENDS = (Answer(403), Drop(), Drop(after=True))
# A body at this rate takes longer than the time limit.
CRAWLING = Slow(50)


def submit(storage: Storage) -> int:
    return seed_of(storage.submit(records(2), "digits", "2.0", shard_bytes=SHARD_BYTES))


def build(storage: Storage) -> int:
    return seed_of(storage.cacheable("digits", "2.0")(lambda: records(2))())


def hit(storage: Storage) -> int:
    return seed_of(storage.cacheable("digits", "1.0")(rebuild)())


def rebuild() -> NoReturn:
    raise AssertionError("what is there, or may be, was built again")


Action: TypeAlias = Callable[[Storage], int]
# What is done, and the seed of the records that it must give.
ACTIONS: dict[Action, int] = {build: 2, hit: 1}
by_name: Any = {"ids": lambda one: getattr(one, "__name__", None) or repr(one)}


@dataclass(frozen=True)
class Places:
    """Storages that hold version 1.0, reached through the proxy or past it."""

    proxy: Proxy
    s3: Store
    # Of copies of shards: none of another storage's is ever found.
    folder: Path
    # What `requests_of` found.
    counts: dict[Action, int]

    def new(self) -> str:
        url = self.s3.new_bucket() + "/root"
        self.past(url).submit(records(1), "digits", "1.0", shard_bytes=SHARD_BYTES)
        return url

    def through(self, url: str) -> Storage:
        return self._at(url, self.proxy.storage_options | HASTY)

    def past(self, url: str) -> Storage:
        return self._at(url, self.s3.storage_options)

    def requests_of(self, action: Action) -> int:
        """How many requests an action makes where nothing fails."""
        if action not in self.counts:
            storage = self.through(self.new())
            self.proxy.forget()
            assert action(storage) == ACTIONS[action]
            self.counts[action] = self.proxy.count()
        return self.counts[action]

    def _at(self, url: str, options: dict[str, Any]) -> Storage:
        return Storage(url, storage_options=options, cache_dir=mkdtemp(dir=self.folder))


@pytest.fixture(scope="module")
def counts() -> dict[Action, int]:
    return {}


@pytest.fixture
def places(proxy: Proxy, s3: Store, tmp_path: Path, counts: dict[Action, int]) -> Places:
    return Places(proxy, s3, tmp_path, counts)


@contextmanager
def soon() -> Generator[None]:
    """Fails where what is inside takes longer than a user would wait."""
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < LIMIT_S


def outcome(action: Action, storage: Storage) -> StorageError | None:
    """The error of an action, None where it gave what it must; whatever else is raised passes."""
    with soon():
        try:
            assert action(storage) == ACTIONS[action]
        except StorageError as error:
            return error
    return None


def seeds_in(past: Storage) -> dict[str, int]:
    """What the store holds, each version read whole."""
    past.verify("digits")
    return {version: seed_of(past.fetch("digits", version)) for version in past.versions("digits")}


@pytest.mark.slow
@pytest.mark.parametrize("fault", BAD_ANSWERS, **by_name)
@pytest.mark.parametrize("action", ACTIONS, **by_name)
def test_one_bad_answer_is_overcome_whichever_it_is(
    places: Places, action: Action, fault: Fault
) -> None:
    url = places.new()
    for at in range(BAD_ANSWERS.index(fault), places.requests_of(action), len(BAD_ANSWERS)):
        places.proxy.fail(fault, skip=at, times=1)
        error = outcome(action, places.through(url))
        places.proxy.heal()
        # What obstore does not ask for again is the body of an error.
        assert error is None or isinstance(fault, Cut), at
        seeds = seeds_in(places.past(url))
        if error is not None:
            # Who held the lease could not give it back: the next one would wait for that.
            url = places.new()
        elif "2.0" in seeds:
            places.past(url).delete("digits", "2.0")
        assert seeds in ({"1.0": 1}, {"1.0": 1, "2.0": 2}), at


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", [Answer(503), Answer(403), Drop(), Hang(), Cut(7), CRAWLING], **by_name
)
@pytest.mark.parametrize("action", ACTIONS, **by_name)
def test_y_b10_a_store_that_goes_on_failing_is_told_and_nothing_is_built(
    places: Places, action: Action, fault: Fault
) -> None:
    url = places.new()
    places.proxy.fail(fault)
    error = outcome(action, places.through(url))
    assert isinstance(error, Forbidden if fault == Answer(403) else Unreachable)
    assert places.proxy.count("PUT") == 0
    places.proxy.heal()
    assert seeds_in(places.past(url)) == {"1.0": 1}
    assert action(places.through(url)) == ACTIONS[action]


@pytest.mark.slow
@pytest.mark.parametrize("fault", ENDS, **by_name)
@pytest.mark.parametrize("action", ACTIONS, **by_name)
def test_a_store_that_goes_away_at_any_request_leaves_all_or_nothing(
    places: Places, action: Action, fault: Fault
) -> None:
    for at in range(ENDS.index(fault), places.requests_of(action), len(ENDS)):
        url = places.new()
        places.proxy.fail(fault, skip=at)
        error = outcome(action, places.through(url))
        places.proxy.heal()
        seeds = seeds_in(places.past(url))
        assert seeds in ({"1.0": 1}, {"1.0": 1, "2.0": 2}), at
        # What fails after the commit, such as to give the lease back, may do so unheard.
        assert error is not None or seeds.get("2.0") == 2, at


def submit_elsewhere(blobs: ObjectBlobs) -> None:
    """What the process does that is killed."""
    submit(Storage(blobs))


def killed_at(blobs: ObjectBlobs, proxy: Proxy, at: int, *, after: bool) -> bool:
    """Whether a builder was killed at a request, before or after the store had done it."""
    builder = context().Process(target=submit_elsewhere, args=(blobs,), daemon=True)
    proxy.forget()

    def kill(asked: Asked) -> Fault | None:
        if len(proxy.log) <= at:
            return None
        builder.kill()
        return Drop(after=after)

    proxy.script(kill)
    builder.start()
    builder.join()
    proxy.heal()
    return builder.exitcode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
def test_whenever_a_builder_is_killed_the_next_one_finds_nothing_in_the_way(
    proxy: Proxy, s3: Store, after: bool
) -> None:
    found = []
    for at in range(0, MOST_REQUESTS, STRIDE):
        url = s3.new_bucket() + "/root"
        through = ObjectBlobs.at(url, options_of(proxy.storage_options), LEASE_S)
        if not killed_at(through, proxy, at, after=after):
            break
        blobs = ObjectBlobs.at(url, options_of(s3.storage_options), LEASE_S)
        past = Storage(blobs)
        found.append(seeds_in(past) if past.datasets() else {})
        with soon():
            ref = past.submit(records(3), "digits", "2.0", replace=True, shard_bytes=SHARD_BYTES)
            assert seed_of(ref) == 3
            assert past.prune(grace_s=0).busy == ()
        keys = [stat.key for stat in blobs.list("") if "/leases/" not in stat.key]
        assert len(keys) == past.verify("digits").shard_count + 1, at
    # Nothing until the commit, all of it from then on.
    assert {"2.0": 2} in found
    assert sorted(found, key=len) == found
    assert found.count({}) > 3
