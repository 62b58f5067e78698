"""The XML interface of GCS over an S3 server, as far as obstore speaks it: an emulation."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MATCH = "HTTP_X_GOOG_IF_GENERATION_MATCH"
COPY = "HTTP_X_GOOG_COPY_SOURCE"
PRECONDITION = b"<Error><Code>PreconditionFailed</Code></Error>"
NO_SUCH_KEY = b"<Error><Code>NoSuchKey</Code></Error>"


class Generations:
    """Numbers each write of an object, and writes only where the number asked for is there.

    Whoever calls it lets one request in at a time.
    """

    def __init__(self, inner: WSGIApplication) -> None:
        self._inner = inner
        self._numbers = itertools.count(1)
        self._generations: dict[str, int] = {}

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        # obstore escapes more than S3 clients do, and moto reads names as they were sent.
        environ["RAW_URI"] = environ["REQUEST_URI"] = resent(environ)
        there = self._generations.get(path, 0)
        wanted = environ.pop(MATCH, None)
        if wanted is not None and int(wanted) != there:
            return answer(start, "412 Precondition Failed", PRECONDITION)
        if method in ("GET", "HEAD"):
            return self._inner(environ, with_generation(start, there))
        if COPY in environ:
            environ["HTTP_X_AMZ_COPY_SOURCE"] = environ.pop(COPY)
        if method == "DELETE":
            return self._delete(environ, start)
        if not writes_object(environ):
            return self._inner(environ, start)
        return self._write(environ, start)

    def _write(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        number = next(self._numbers)
        statuses: list[str] = []
        body = self._inner(environ, with_generation(start, number, statuses))
        if statuses[0].startswith("2"):
            self._generations[environ["PATH_INFO"]] = number
        return body

    def _delete(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        is_part = "uploadId" in parse_qs(environ["QUERY_STRING"])
        if not is_part and self._generations.pop(environ["PATH_INFO"], None) is None:
            return answer(start, "404 Not Found", NO_SUCH_KEY)
        return self._inner(environ, start)


def writes_object(environ: WSGIEnvironment) -> bool:
    """Whether a PUT or POST makes an object: not a bucket, the begin of an upload, or its part."""
    if "/" not in environ["PATH_INFO"].strip("/"):
        return False
    asked = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    return "uploadId" in asked if environ["REQUEST_METHOD"] == "POST" else "uploadId" not in asked


def with_generation(
    start: StartResponse, number: int, statuses: list[str] | None = None
) -> StartResponse:
    """What begins an answer that names the object's generation; notes the status."""

    def begin(
        status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], object]:
        if statuses is not None:
            statuses.append(status)
        named = [("x-goog-generation", str(number))] if number else []
        return start(status, [*headers, *named])

    return begin


def resent(environ: WSGIEnvironment) -> str:
    """What was asked for, escaped as S3 clients do."""
    path = quote(environ["PATH_INFO"].encode("latin-1"))
    query = environ["QUERY_STRING"]
    return f"{path}?{query}" if query else path


def answer(start: StartResponse, status: str, body: bytes) -> Iterator[bytes]:
    """An answer of our own."""
    start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return iter([body])
