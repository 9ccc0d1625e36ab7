"""Serves the page, and nothing else."""

import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from gan_lightning.core.errors import UserError

LOOPBACK = ("127.0.0.1", "localhost", "::1")

SERVED = (
    "/assets/",
    "/static/",
    "/svelte/",
    "/gradio_api/heartbeat/",
    "/gradio_api/queue/",
    "/gradio_api/startup-events",
)
"""The beginnings of what the page asks for. Everything else that gradio can serve, such as files, is not there."""

EXACTLY = (
    "/",
    "/config",
    "/theme.css",
    "/favicon.ico",
    "/manifest.json",
    "/gradio_api/app_id",
    "/gradio_api/cancel",
    "/gradio_api/reset",
)

LARGEST_REQUEST = 48 * 2**20
"""Bytes: a file of `LARGEST_UPLOAD` in base64, and what is sent with it."""

HEADERS = {
    b"content-security-policy": (
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; "
        b"frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
}
"""The browser itself then asks no other host for anything, and shows the page inside of no other."""


class Guard:
    """Stands before the page's application (ASGI): answers only what the page needs, asked for by its own address.

    Args:
        app: The application.
        host: Where it listens. On loopback, requests by another name are refused: a stranger's page could otherwise
            reach it by a name of its own ("DNS rebinding").
    """

    def __init__(self, app: Callable, host: str) -> None:
        self.app, self.names = app, LOOPBACK if host in LOOPBACK else ()

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        status = self.refusal(scope)
        if status:
            return await refuse(send, status)
        return await self.app(scope, limited(receive), with_headers(send))

    def refusal(self, scope: dict[str, Any]) -> int:
        """Returns the status with which a request is refused; 0 if it is not."""
        headers = dict(scope.get("headers", []))
        if scope["type"] != "http" or not is_served(scope["path"]):
            return 404
        name = headers.get(b"host", b"").decode("latin-1").rpartition(":")[0].strip("[]")
        if self.names and name not in self.names:
            return 403
        length = headers.get(b"content-length", b"0")
        return 413 if not length.isdigit() or int(length) > LARGEST_REQUEST else 0


def is_served(path: str) -> bool:
    """Whether the page needs what lies at a path."""
    return path in EXACTLY or (path.startswith(SERVED) and ".." not in path)


async def refuse(send: Callable, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def limited(receive: Callable) -> Callable:
    """Ends a request that sends more than it may without having said so."""
    seen = 0

    async def counted() -> dict[str, Any]:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return message if seen <= LARGEST_REQUEST else {"type": "http.disconnect"}

    return counted


def with_headers(send: Callable) -> Callable:
    async def sent(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *HEADERS.items()]}
        await send(message)

    return sent


def listening(host: str, port: int) -> socket.socket:
    """Returns a socket that listens.

    Raises:
        UserError: The port is taken, or there is no such host.
    """
    if not 0 <= port <= 65535:
        raise UserError(f"port is {port}; it must be from 0 (any that is free) to 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(128)  # a browser that is faster than the server waits
    except (OSError, UnicodeError) as error:
        found.close()
        why = getattr(error, "strerror", None) or error
        other = "--port, or 0 for any that is free" if takes_port(error) else "--host: an address of this machine"
        raise UserError(f"cannot listen on {host}, port {port} ({why}): choose another {other}") from error
    return found


def takes_port(error: Exception) -> bool:
    """Whether it is the port that cannot be had, not the host."""
    return getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES)


def server_of(app: Callable, host: str) -> Any:
    """Returns the web server of an application."""
    import uvicorn  # pyright: ignore[reportMissingImports]

    config = uvicorn.Config(
        Guard(app, host), log_level="critical", access_log=False, server_header=False, timeout_graceful_shutdown=1
    )
    return uvicorn.Server(config)


def address(host: str, found: socket.socket) -> str:
    """Returns what to type into a browser."""
    name = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    return f"http://{f'[{name}]' if ':' in name else name}:{found.getsockname()[1]}"


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Lets Ctrl-C end what is inside without an error; a shutdown and a closed terminal end the command in order."""

    def end(number: int, frame: Any) -> NoReturn:
        raise SystemExit(128 + number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
        before = {n: signal.signal(n, end) for n in numbers if signal.getsignal(n) != signal.SIG_IGN}
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
