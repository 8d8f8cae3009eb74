"""A TCP proxy on loopback before a server, which fails in the ways that networks and servers do."""

import contextlib
import re
import socket
import threading
import time

LOOKS = re.compile(rb"GET |POST \S*/search ")  # requests that change nothing


class Proxy:
    """Forwards connections to a port.

    mode: `pass`; `reset`, which closes what comes; `stall`, which accepts and never answers; `away`, where nothing
    listens. cut: `before` or `after` the server gets the request of that number; `count` is that of the last one, from
    1. Those that change nothing are neither cut nor counted: to cut one leaves what the one before it left.
    """

    def __init__(self, target: int) -> None:
        self.target, self.mode, self.count = target, "pass", 0
        self.cut: tuple[str, int] | None = None
        self.delay = 0.0  # seconds before each answer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.open = list[socket.socket]()
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def set(self, mode: str) -> None:
        """Change the mode; connections that are open break."""
        if self.mode == "away" and mode != "away":
            self.listener = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._accept, daemon=True).start()
        if mode == "away":
            self._close_listener()
        self.mode = mode
        for connection in self.open:
            _close(connection)
        self.open.clear()

    def close(self) -> None:
        self.set("away")

    def _close_listener(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        listener = self.listener
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.open.append(client)
            if self.mode == "reset":
                _close(client)
            elif self.mode == "pass":
                server = socket.create_connection(("127.0.0.1", self.target))
                self.open.append(server)
                threading.Thread(target=self._requests, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        """Forward requests one by one: a client waits for an answer before it asks again."""
        answering = [True]
        number = [0]
        threading.Thread(target=self._answers, args=(client, server, answering, number), daemon=True).start()
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 20):
                if answering[0]:  # the first bytes after an answer are those of a new request
                    answering[0], number[0] = False, 0
                    if not LOOKS.match(data):
                        with self.lock:
                            self.count += 1
                            number[0] = self.count
                    if self.cut == ("before", number[0]):
                        break
                server.sendall(data)
        _close(client)
        _close(server)

    def _answers(self, client: socket.socket, server: socket.socket, answering: list[bool], number: list[int]) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 20):
                if not answering[0]:
                    time.sleep(self.delay)
                    answering[0] = True
                if self.cut == ("after", number[0]):
                    break
                client.sendall(data)
        _close(client)
        _close(server)


def _close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
