"""A program: moto as an S3 server or, behind `Generations`, as a GCS server.

`python -m tests.servers.moto_program s3` prints its port and serves until its input ends.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from tests.servers.generations import Generations
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Handler(MotoRequestHandler):
    """Sends the body of an answer without waiting until its head has arrived."""

    disable_nagle_algorithm = True


class OneAtATime:
    """An application whose conditional writes decide and write in one step, as those of S3 do."""

    def __init__(self, inner: WSGIApplication, *, besides: frozenset[str]) -> None:
        self._inner = inner
        self._besides = besides
        self._turn = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in self._besides:
            return self._inner(environ, start)
        # A slow sender must not hold up the others.
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with self._turn:
            return self._inner(environ, start)


def main(kind: str) -> None:
    """Serves until the input ends."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto: WSGIApplication = DomainDispatcherApplication(create_backend_app)
    if kind == "gcs":
        # Content and generation must be read of one state.
        app = OneAtATime(Generations(moto), besides=frozenset())
    else:
        app = OneAtATime(moto, besides=frozenset({"GET", "HEAD"}))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
