"""A web server on this machine that says exactly what a test tells it to, and who asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

HANG = b""
"""As an answer: nothing, ever."""


class Site:
    """Paths to raw answers; a path that is not known is a 404."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]] = {}
        self.asked: list[str] = []
        self.hosts: list[str] = []
        self.port = 0

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def page(self, path: str, body: bytes | str, kind: str = "text/html", **headers: Any) -> None:
        body = body if isinstance(body, bytes) else body.encode()
        self.answers[path] = answer(body, kind, **headers)

    def leads(self, path: str, where: str) -> None:
        head = f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n"
        self.answers[path] = head.encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                path = line.split()[1].decode()
                self.asked.append(path)
                while (header := await reader.readline()).strip():
                    if header.lower().startswith(b"host:"):
                        self.hosts.append(header[5:].strip().decode())
                said = self.answers.get(path, answer(b"none", "text/plain", status="404 None"))
                if callable(said):
                    await said(writer)
                    return
                if said == HANG:
                    await reader.read()
                writer.write(said)
                await writer.drain()
        except (ConnectionError, IndexError):
            pass
        finally:
            writer.close()


def answer(body: bytes, kind: str, *, status: str = "200 OK", **headers: Any) -> bytes:
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


@asynccontextmanager
async def small_site(address: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Site]:
    site = Site()
    server = await asyncio.start_server(site.serve, address, port)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
