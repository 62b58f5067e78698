"""Each fault of the proxy does what it says, and the server behind it what was asked for."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.servers.faults import Answer, Asked, Cut, Drop, Fault, Hang, Slow, Wait
from tests.servers.proxy import Proxy
from tests.servers.serving import Store

CONTENT = bytes(range(256)) * 40
# moto looks who asks, and believes it.
SIGNED = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request"


class Client:
    """A connection that is kept from one request to the next."""

    def __init__(self, endpoint: str, bucket: str) -> None:
        self.connection = http.client.HTTPConnection(endpoint.split("//")[1], timeout=20)
        self.folder = "/" + bucket.split("//")[1]

    def __call__(
        self, method: str, key: str, body: bytes = b"", **headers: str
    ) -> tuple[int, bytes]:
        try:
            headers["Authorization"] = SIGNED
            self.connection.request(method, f"{self.folder}/{key}", body, headers)
            answer = self.connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise


@pytest.fixture
def ask(proxy: Proxy) -> Iterator[Client]:
    """A client of the proxy, whose bucket holds CONTENT as `a`."""
    ask = Client(proxy.store.endpoint, proxy.new_bucket())
    assert ask("PUT", "a", CONTENT)[0] == 200
    proxy.forget()
    yield ask
    ask.connection.close()


@pytest.fixture
def past(ask: Client, s3: Store) -> Iterator[Client]:
    """A client of the same bucket past the proxy."""
    past = Client(s3.endpoint, "s3:/" + ask.folder)
    yield past
    past.connection.close()


def test_what_passes_is_counted(proxy: Proxy, ask: Client) -> None:
    assert ask("GET", "a") == (200, CONTENT)
    assert ask("GET", "a", Range="bytes=5-9") == (206, CONTENT[5:10])
    assert ask("HEAD", "a") == (200, b"")
    assert ask("PUT", "b", b"12345") == (200, b"")
    assert ask("GET", "none")[0] == 404
    assert [(one.method, one.status, one.range) for one in proxy.log] == [
        ("GET", 200, ""),
        ("GET", 206, "bytes=5-9"),
        ("HEAD", 200, ""),
        ("PUT", 200, ""),
        ("GET", 404, ""),
    ]
    assert (proxy.count(), proxy.count("GET", "/a$"), proxy.count(path="/b$")) == (5, 2, 1)
    assert proxy.sent_bytes("GET", "/a$") == len(CONTENT) + 5
    assert proxy.received_bytes("PUT") == 5


def test_an_answer_of_its_own_keeps_the_connection_and_asks_nobody(
    proxy: Proxy, ask: Client, past: Client
) -> None:
    proxy.fail(Answer(503, b"slow down", (("Retry-After", "1"),)))
    assert ask("PUT", "a", b"new") == (503, b"slow down")
    kept = ask.connection.sock
    proxy.heal()
    assert ask("GET", "a") == (200, CONTENT)
    assert ask.connection.sock is kept
    assert past("GET", "a") == (200, CONTENT)


@pytest.mark.parametrize("after", [False, True])
def test_a_dropped_request_has_no_answer(
    proxy: Proxy, ask: Client, past: Client, after: bool
) -> None:
    proxy.fail(Drop(after=after), times=1)
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        ask("PUT", "a", b"new")
    assert proxy.log[-1].status == 0
    assert past("GET", "a") == (200, b"new" if after else CONTENT)
    assert ask("GET", "a")[0] == 200


def test_a_cut_answer_has_fewer_bytes_than_its_head_promises(proxy: Proxy, ask: Client) -> None:
    proxy.fail(Cut(100))
    with pytest.raises((ConnectionError, http.client.IncompleteRead)) as caught:
        ask("GET", "a")
    if isinstance(caught.value, http.client.IncompleteRead):
        assert caught.value.partial == CONTENT[:100]
    assert proxy.sent_bytes() == 100


@pytest.mark.parametrize(("fault", "at_least_s"), [(Slow(len(CONTENT) * 5), 0.1), (Wait(0.2), 0.2)])
def test_a_late_answer_is_right(proxy: Proxy, ask: Client, fault: Fault, at_least_s: float) -> None:
    proxy.fail(fault)
    begin = time.monotonic()
    assert ask("GET", "a") == (200, CONTENT)
    assert time.monotonic() - begin >= at_least_s


def test_what_hangs_is_dropped_when_it_heals(proxy: Proxy, ask: Client) -> None:
    hangs = threading.Event()

    def script(asked: Asked) -> Fault:
        hangs.set()
        return Hang()

    proxy.script(script)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, "GET", "a")
        assert hangs.wait(20)
        assert not answer.done()
        proxy.heal()
        with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
            answer.result(timeout=20)
    assert ask("GET", "a") == (200, CONTENT)


def test_a_client_that_gives_up_is_let_go(proxy: Proxy, ask: Client, past: Client) -> None:
    proxy.fail(Hang(after=True), times=1)
    ask.connection.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        ask("PUT", "a", b"new")
    assert past("GET", "a") == (200, b"new")
    assert ask("GET", "a") == (200, b"new")


def test_rules_say_which_requests_and_how_many(proxy: Proxy, ask: Client) -> None:
    proxy.fail(Answer(503), method="GET", path="/a$", skip=1, times=2)
    asked = [("GET", "a"), ("PUT", "a"), ("GET", "b"), ("GET", "a"), ("GET", "a"), ("GET", "a")]
    statuses = [ask(method, key)[0] for method, key in asked]
    assert statuses == [200, 200, 404, 503, 503, 200]


def test_a_script_sees_each_request_in_turn(proxy: Proxy, ask: Client) -> None:
    seen: list[Asked] = []

    def script(asked: Asked) -> Fault | None:
        seen.append(asked)
        return Answer(429) if asked.size_bytes == 3 else None

    proxy.script(script)
    assert [ask("PUT", "a", body)[0] for body in (b"", b"123", b"1234")] == [200, 429, 200]
    assert [one.number for one in seen] == [1, 2, 3]
    assert {one.method for one in seen} == {"PUT"}
    assert all(one.path == f"{ask.folder}/a" for one in seen)
    assert seen[1].headers["Content-Length"] == "3"


def test_closing_ends_what_hangs_trickles_and_waits(s3: Store) -> None:
    proxy = Proxy(s3)
    bucket = proxy.new_bucket()
    clients = [Client(proxy.store.endpoint, bucket) for _ in range(4)]
    assert clients[3]("PUT", "a", CONTENT)[0] == 200
    inside = threading.Barrier(4)
    faults: list[Fault] = [Hang(), Slow(1), Wait(60)]

    def script(asked: Asked) -> Fault:
        threading.Thread(target=inside.wait, args=(20,)).start()
        return faults[asked.number - 1]

    proxy.script(script)
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(client, "GET", "a") for client in clients[:3]]
        inside.wait(20)
        begin = time.monotonic()
        proxy.close()
        assert time.monotonic() - begin < 5
        for answer in answers:
            assert isinstance(answer.exception(20), (OSError, http.client.HTTPException))
    with pytest.raises(OSError, match="refused"):
        Client(proxy.store.endpoint, bucket)("GET", "a")
