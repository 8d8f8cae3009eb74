"""The web server around the app: connections that say nothing are closed, what runs at the end is finished."""

import asyncio
import logging
import socket
import sys
from typing import Any

from src.serving.limits import App

GRACE_SECONDS = 30  # at the end, for requests that run


def bind(host: str, port: int) -> socket.socket:
    """A socket at this address, not yet listening; port 0 takes a free one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol's name asyncio sends an answer's parts at once (TCP_NODELAY), and not 40 ms apart.
    place = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        place.bind((host, port))
    except OSError:
        place.close()
        raise
    return place


def run_server(app: App, place: socket.socket, silent_seconds: float) -> None:
    """Serve until SIGTERM or Ctrl-C, and print the address when the first request can come.

    A connection that sends no request for `silent_seconds` is closed.
    """
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Protocol(H11Protocol):
        """HTTP/1.1 with a limit of the time that a request's header takes, or what a refused client goes on to send."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.expect_request()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self.expect_request()

        def expect_request(self) -> None:
            self.loop.call_later(silent_seconds, self.close_unless_asked, self.cycle)

        def close_unless_asked(self, last: Any) -> None:
            if self.cycle is last:
                self.transport.close()

    class Server(uvicorn.Server):
        """A server that says when it is there."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            host, port = place.getsockname()[:2]
            print(f"serve: http://{f'[{host}]' if ':' in host else host}:{port}/", file=sys.stderr, flush=True)

    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # each request has its line already
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    Server(config).run([place])
