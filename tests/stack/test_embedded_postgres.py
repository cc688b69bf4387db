"""The embedded Postgres: comes back after any death, in any folder, for its owner alone."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from tandem.embedded.postgres import EmbeddedPostgres


# ruff: noqa: ASYNC240 # nothing else runs in these tests while they touch a folder


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[EmbeddedPostgres]:
    from tandem.embedded.postgres import EmbeddedPostgres
    from tandem.embedded.shortcut import drop_shortcut, shortcut

    home.mkdir(parents=True, exist_ok=True)
    server = EmbeddedPostgres(home / "postgres", sockets=shortcut(home) / "s")
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
        drop_shortcut(home)


async def test_killed_and_started_again_it_has_the_same_address_and_all_rows(home: Path) -> None:
    import asyncpg

    async with running(home) as server:
        dsn = server.dsn
        before = await asyncpg.connect(dsn)
        await before.execute("CREATE TABLE kept (n int)")
        await before.execute("INSERT INTO kept SELECT generate_series(1, 1000)")

        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await server.wait()
        before.terminate()

        assert await server.start() == dsn
        after = await asyncpg.connect(dsn)
        assert await after.fetchval("SELECT count(*) FROM kept") == 1000
        await after.close()


async def test_a_backend_that_outlived_its_postmaster_does_not_hinder_the_next(home: Path) -> None:
    import asyncpg

    async with running(home) as server:
        busy = await asyncpg.connect(server.dsn)
        watch = await asyncpg.connect(server.dsn)
        pid = await busy.fetchval("SELECT pg_backend_pid()")
        backend = psutil.Process(pid)
        # It computes and never looks whether its postmaster lives.
        endless = asyncio.create_task(busy.execute("DO $$ BEGIN LOOP END LOOP; END $$"))
        active = "SELECT state = 'active' AND query LIKE 'DO%' FROM pg_stat_activity WHERE pid = $1"
        async with asyncio.timeout(30):
            while not await watch.fetchval(active, pid):  # noqa: ASYNC110 # another process
                await asyncio.sleep(0.02)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await server.wait()
        assert backend.is_running()

        await server.start()
        assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await endless
        watch.terminate()


async def test_a_lock_file_with_the_pid_of_another_process_does_not_hinder(home: Path) -> None:
    """After a restart of a container pids begin anew, so the old one may be anybody's."""
    async with running(home) as server:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await server.wait()
        stale = server.folder / "postmaster.pid"
        lines = stale.read_text().splitlines()
        stale.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

        await server.start()


async def test_a_first_start_that_broke_off_is_begun_anew(home: Path) -> None:
    import asyncpg

    half = home / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    async with running(home) as server:
        connection = await asyncpg.connect(server.dsn)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
    assert not half.exists()


async def test_a_long_home_that_is_closed_to_others_is_no_hindrance(home: Path) -> None:
    import asyncpg

    assert home.stat().st_mode & 0o077 == 0
    long = home.joinpath(*["a-folder-with-a-long-name"] * 6)
    async with running(long) as server:
        connection = await asyncpg.connect(server.dsn)
        assert await connection.fetchval("SELECT count(*) FROM pg_extension") >= 1
        await connection.execute("CREATE EXTENSION vector")
        await connection.close()


async def test_psql_gets_in_with_the_printed_address(home: Path) -> None:
    from tandem.embedded.postgres import postgres_programs

    programs = postgres_programs()
    assert programs is not None
    async with running(home) as server:
        done = await asyncio.to_thread(
            subprocess.run,
            [programs / "psql", server.dsn, "-Atc", "SELECT current_database(), 6 * 7"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    assert done.stdout.strip() == "tandem|42"


async def test_another_user_of_the_machine_does_not_get_in(home: Path) -> None:
    from tandem.embedded.postgres import postgres_programs

    if os.geteuid() != 0:
        pytest.skip("only root can try as another user")
    programs = postgres_programs()
    assert programs is not None
    home.chmod(0o755)
    async with running(home) as server:
        server.sockets.chmod(0o755)  # even with the folder open, the kernel's word counts
        done = await asyncio.to_thread(
            subprocess.run,
            [programs / "psql", server.dsn, "-Atc", "SELECT 1"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            user=pwd.getpwnam("daemon").pw_uid,
        )
    assert done.returncode != 0
    assert "Peer authentication failed" in done.stderr


async def test_a_damaged_config_is_told_in_one_line(home: Path) -> None:
    from tandem.embedded.process import ServerFailed

    async with running(home) as server:
        await server.stop()
        (server.folder / "postgresql.conf").write_text("no_such_setting = 1\n")
        with pytest.raises(ServerFailed, match=r"postgresql\.conf.*contains errors") as failure:
            await server.start()
        assert "\n" not in str(failure.value)


def test_a_shortcut_is_short_and_leads_home(home: Path) -> None:
    from tandem.embedded.shortcut import LONGEST_DIRECT, drop_shortcut, shortcut

    long = home.joinpath(*["a-folder-with-a-long-name"] * 6)
    long.mkdir(parents=True)
    short = shortcut(long)
    assert len(os.fsencode(short)) <= LONGEST_DIRECT
    assert short.resolve() == long.resolve()
    assert shortcut(long) == short
    drop_shortcut(long)
    assert not short.is_symlink()


def test_a_shortcut_that_leads_elsewhere_is_not_followed(home: Path) -> None:
    from tandem.embedded.shortcut import drop_shortcut, shortcut

    long = home / ("a" * 60)
    long.mkdir()
    short = shortcut(long)
    drop_shortcut(long)
    short.symlink_to(home)
    try:
        with pytest.raises(FileExistsError):
            shortcut(long)
    finally:
        short.unlink()
