"""Who is answered, and what."""

import asyncio
import socket
from typing import Any

import pytest

from gan_lightning.core.errors import UserError
from gan_lightning.page.server import LARGEST_REQUEST, Guard, address, ended_by_signals, listening


async def page(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers with the number of bytes that it was sent."""
    count, message = 0, await receive()
    while message.get("body"):
        count, message = count + len(message["body"]), await receive()
    status = 200 if message["type"] == "http.request" else 499
    await send({"type": "http.response.start", "status": status, "headers": [(b"count", str(count).encode())]})
    await send({"type": "http.response.body", "body": b""})


def answer(
    path: str, host: str = "127.0.0.1:7860", parts: tuple[bytes, ...] = (), on: str = "127.0.0.1", **headers: str
):
    """What the guard answers: the status and the headers."""
    given = {"host": host, **headers}.items()
    scope = {"type": "http", "path": path, "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in given]}
    waiting, sent = [*parts, b""], []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": waiting.pop(0)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(Guard(page, on)(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"])


def test_only_what_the_page_needs_is_served():
    for path in ("/", "/config", "/theme.css", "/assets/index.js", "/gradio_api/queue/join"):
        assert answer(path)[0] == 200
    for path in (
        "/file=/etc/passwd", "/gradio_api/file=/etc/passwd", "/gradio_api/file/etc/passwd", "/assets/../../etc/passwd",
        "/gradio_api/upload", "/gradio_api/proxy=http://localhost", "/gradio_api/info", "/docs", "/monitoring/summary",
        "/gradio_api/component_server", "//etc/passwd", "/gradio_api/deep_link",
    ):  # fmt: skip
        assert answer(path)[0] == 404


def test_on_loopback_a_page_of_another_name_is_refused():
    assert answer("/", "localhost:7860")[0] == answer("/", "[::1]:7860")[0] == 200
    assert answer("/", "evil.example:7860")[0] == answer("/", "")[0] == 403
    assert answer("/", "my-machine:7860", on="0.0.0.0")[0] == 200


def test_a_request_is_no_larger_than_it_may_be_whatever_it_says():
    assert answer("/gradio_api/queue/join", content_length=str(LARGEST_REQUEST + 1))[0] == 413
    assert answer("/gradio_api/queue/join", content_length="x")[0] == 413
    status, headers = answer("/gradio_api/queue/join", parts=(b"a" * (LARGEST_REQUEST // 2 + 1),) * 2)
    assert status == 499
    assert int(headers[b"count"]) <= LARGEST_REQUEST


def test_the_browser_is_told_to_ask_no_other_host():
    policy = answer("/")[1][b"content-security-policy"].decode()
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_a_port_is_taken_once_and_a_mistake_is_one_line():
    with listening("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()  # before there is a server
        assert address("127.0.0.1", first) == address("0.0.0.0", first) == f"http://127.0.0.1:{port}"
        with pytest.raises(UserError, match="choose another --port"):
            listening("127.0.0.1", port)
    with pytest.raises(UserError, match="port is 70000"):
        listening("127.0.0.1", 70000)
    with pytest.raises(UserError, match="cannot listen on"):
        listening("203.0.113.7", 0)


def test_ctrl_c_ends_the_page_without_an_error():
    with ended_by_signals():
        raise KeyboardInterrupt
