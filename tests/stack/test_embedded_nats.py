"""The embedded nats-server: durable, private, and at one address for its whole life."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest


async def test_killed_and_started_again_it_has_the_same_address_and_all_messages(
    home: Path,
) -> None:
    import nats

    from tandem.embedded.nats import EmbeddedNats

    server = EmbeddedNats(home / "nats")
    url = await server.start()
    try:
        client = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=0.05)
        stream = client.jetstream()
        await stream.add_stream(name="KEPT", subjects=["kept.>"])
        sequences = [(await stream.publish("kept.one", b"%d" % i)).seq for i in range(50)]

        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        assert await server.wait() == -signal.SIGKILL
        assert await server.start() == url

        kept = [(await stream.get_msg("KEPT", seq)).data for seq in sequences]
        assert kept == [b"%d" % i for i in range(50)]
        await client.close()
    finally:
        await server.stop()


async def test_nobody_gets_in_without_the_password(home: Path) -> None:
    import nats
    from nats.errors import Error

    from tandem.embedded.nats import EmbeddedNats

    async def silent(_: Exception) -> None:
        pass

    server = EmbeddedNats(home / "nats")
    url = await server.start()
    try:
        for wrong in (
            url.replace(url.split("//")[1].split("@")[0] + "@", ""),
            url.replace("tandem:", "tandem:x"),
        ):
            with pytest.raises(Error):
                await nats.connect(wrong, allow_reconnect=False, connect_timeout=5, error_cb=silent)
        assert (server.folder / "server.conf").stat().st_mode & 0o077 == 0
        assert (server.folder / "password").stat().st_mode & 0o077 == 0
    finally:
        await server.stop()


async def test_every_write_is_synced(home: Path) -> None:
    from tandem.embedded.nats import EmbeddedNats

    server = EmbeddedNats(home / "nats")
    await server.start()
    await server.stop()
    assert "sync_interval: always" in (server.folder / "server.conf").read_text()


async def test_a_broken_config_is_told_in_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tandem.embedded import nats as embedded
    from tandem.embedded.process import ServerFailed

    monkeypatch.setattr(embedded, "CONFIG", embedded.CONFIG + "\nno_such_option: 1\n")
    server = embedded.EmbeddedNats(home / "nats")
    with pytest.raises(ServerFailed, match="no_such_option") as failure:
        await server.start()
    assert "\n" not in str(failure.value)


def test_a_lasting_port_is_outside_the_range_dealt_to_clients() -> None:
    from tandem.embedded.nats import lasting_port

    assert all(15_000 <= lasting_port() < 30_000 for _ in range(20))
