"""`tandem up` as a process: what it starts, what it says, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from running_house import DOUBLE, STOP_TIMEOUT_S, RunningHouse, wait_until

# Starting a house takes seconds alone, and a minute beside other heavy work.
pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]
Start = Callable[..., RunningHouse]


async def _remember(house: RunningHouse, word: bytes) -> None:
    """Say something to both servers that a later start must find."""
    import asyncpg
    import nats

    record = house.record
    client = await nats.connect(record["nats_url"])
    await client.jetstream().add_stream(name="KEPT", subjects=["kept"])
    await client.jetstream().publish("kept", word)
    await client.close()
    connection = await asyncpg.connect(record["postgres_dsn"])
    await connection.execute("CREATE TABLE kept (word text)")
    await connection.execute("INSERT INTO kept VALUES ($1)", word.decode())
    await connection.close()


async def _recall(house: RunningHouse) -> tuple[bytes, str]:
    import asyncpg
    import nats

    record = house.record
    client = await nats.connect(record["nats_url"])
    message = await client.jetstream().get_last_msg("KEPT", "kept")
    await client.close()
    connection = await asyncpg.connect(record["postgres_dsn"])
    word = await connection.fetchval("SELECT word FROM kept")
    await connection.close()
    assert message.data is not None
    return message.data, str(word)


async def test_a_house_survives_its_servers_finds_yesterdays_data_is_swept_when_killed_and_emptied(
    start_house: Start,
) -> None:
    import asyncpg

    house = start_house().until_ready()
    for line in ("settings check", "NATS", "Postgres", "Ray", "shards", "projections"):
        assert f"✓ {line}" in house.said
    for address in ("/", "/docs", "/console"):
        assert f"http://127.0.0.1:{house.port}{address}\n" in house.said
    assert (house.home / "run.json").stat().st_mode & 0o077 == 0
    await _remember(house, b"yesterday")

    for name in ("nats-server", "postgres"):
        house.child(name).kill()
    wait_until(
        lambda: {"NATS is back", "Postgres is back"} <= set(house.said.splitlines()),
        timeout_s=60,
        what=f"both back; it said: {house.said}",
    )
    assert await _recall(house) == (b"yesterday", "yesterday")

    second = start_house()
    assert second.process.wait(STOP_TIMEOUT_S) == 1
    assert second.said.startswith("tandem: a house already runs on")
    assert len(second.said.splitlines()) == 1

    assert house.stop(signal.SIGTERM) == 0
    assert house.left() == []
    assert not (house.home / "run.json").exists()

    again = start_house("--no-demo").until_ready()
    assert "– demo content" in again.said
    assert await _recall(again) == (b"yesterday", "yesterday")

    # Killed, it is swept; the next one waits for that by itself, and is told to begin empty.
    assert any("ray::Shard" in line or "sleep" in line for line in again.left())
    again.kill()
    fresh = start_house("--fresh").until_ready()
    assert again.left(home_in_use=True) == []
    connection = await asyncpg.connect(fresh.record["postgres_dsn"])
    assert await connection.fetchval("SELECT to_regclass('kept')") is None
    await connection.close()
    assert fresh.stop(signal.SIGINT) == 0
    assert fresh.left() == []


def test_a_part_that_does_not_start_stops_the_rest_and_is_told_in_one_line(
    start_house: Start,
) -> None:
    house = start_house(DOUBLE_FAILS="1")
    assert house.process.wait(STOP_TIMEOUT_S + 60) == 1
    assert house.left() == []
    assert "✗ projections" in house.said
    assert "Traceback" not in house.said
    assert "the projections would not start" in house.said.splitlines()[-1]


def test_when_ray_dies_the_house_says_so_and_ends(start_house: Start) -> None:
    from tandem.embedded.shortcut import shortcut

    house = start_house().until_ready()
    link = shortcut(house.home)
    assert link != house.home
    assert link.is_symlink()
    house.child("gcs_server").kill()
    assert house.process.wait(STOP_TIMEOUT_S) != 0
    wait_until(lambda: not house.left(), timeout_s=STOP_TIMEOUT_S, what="swept")
    assert not link.is_symlink()
    assert "start it again with `make up`" in house.said


def test_a_taken_port_is_told_in_one_line(start_house: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        house = start_house(TANDEM_PORT=str(port))
        assert house.process.wait(STOP_TIMEOUT_S) == 1
    last = house.said.splitlines()[-1]
    assert f"port {port} is taken" in last
    assert "TANDEM_PORT=" in last
    assert "Traceback" not in house.said
    assert house.left() == []


def test_an_outside_server_that_is_not_there_is_told_in_one_line(start_house: Start) -> None:
    house = start_house(TANDEM_NATS_URL="nats://127.0.0.1:1")
    assert house.process.wait(STOP_TIMEOUT_S) == 1
    assert "TANDEM_NATS_URL" in house.said.splitlines()[-1]
    assert "Traceback" not in house.said


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("TANDEM_PORT", "99999", "TANDEM_PORT="),
        ("TANDEM_PLACEMENT", "nowhere", "TANDEM_PLACEMENT="),
        ("TANDEM_HOME", "/proc/nowhere", "TANDEM_HOME"),
    ],
)
def test_a_setting_that_makes_no_sense_is_told_in_one_line(
    setting: str, value: str, says: str
) -> None:
    done = subprocess.run(
        [sys.executable, str(DOUBLE), "up"],
        env={**os.environ, setting: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_full_disk_is_told_in_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import errno

    from tandem import cli
    from tandem import local_deployment as up

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(home / "lock"))

    monkeypatch.setenv("TANDEM_HOME", str(home))
    monkeypatch.setattr(up, "lock_home", full)
    monkeypatch.setattr(sys, "argv", ["tandem", "up"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert "the disk is full" in capsys.readouterr().err


async def test_the_lock_is_waited_for_only_while_a_dead_house_is_swept(home: Path) -> None:
    from tandem.errors import UserError
    from tandem.home import lock_home

    first = await lock_home(home)
    with pytest.raises(UserError, match="already runs"):
        await lock_home(home)
    os.pwrite(first, b"4194304\n", 0)  # its house is dead (no such pid), its warden still sweeps
    waiting = asyncio.create_task(lock_home(home))
    await asyncio.sleep(0)
    assert not waiting.done()
    os.close(first)
    os.close(await waiting)
