"""The doctor sees what is wrong, and says what to do about it."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from config.settings import Settings


def settings(home: Path, **values: object) -> Settings:
    return Settings(home=home, **values)  # type: ignore[arg-type]  # passed through


def test_a_free_port_is_fine_and_a_taken_one_names_the_setting(home: Path) -> None:
    from tandem.doctor import check_port

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finding = check_port(settings(home, port=port))
        assert finding.level == "fail"
        assert str(port) in finding.seen
        assert f"TANDEM_PORT={port + 1 if port < 65535 else port - 1}" in finding.remedy
    assert check_port(settings(home, port=port)).level == "ok"


def test_a_host_that_is_not_here_names_the_setting(home: Path) -> None:
    from tandem.doctor import check_port

    finding = check_port(settings(home, host="203.0.113.7"))
    assert finding.level == "fail"
    assert "TANDEM_HOST" in finding.remedy


def test_a_full_disk_fails_before_anything_is_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tandem import doctor

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage(2**40, 2**40, 2**29))
    finding = doctor.check_disk(settings(home))
    assert finding.level == "fail"
    assert "0.5 GB free" in finding.seen


def test_a_home_that_cannot_be_written_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tandem.doctor import check_home

    assert check_home(settings(home / "new")).level == "ok"
    assert list((home / "new").iterdir()) == []

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    finding = check_home(settings(home))
    assert finding.level == "fail"
    assert "full" in finding.seen


def test_a_missing_library_is_named_as_pip_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from tandem import doctor

    assert doctor.check_packages().level == "ok"
    monkeypatch.setitem(doctor.NEEDED_PACKAGES, "no_such_module", "no-such-package")
    finding = doctor.check_packages()
    assert finding.level == "fail"
    assert "no-such-package" in finding.seen


def test_an_old_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from tandem import doctor

    assert doctor.check_python().level == "ok"
    monkeypatch.setattr(doctor, "OLDEST_PYTHON", (4, 0))
    assert doctor.check_python().level == "fail"


async def test_outside_servers_are_asked_for_their_versions(
    nats_server: str, postgres_dsn: str
) -> None:
    from tandem.doctor import check_outside_nats, check_outside_postgres

    nats = await check_outside_nats(nats_server)
    assert (nats.level, nats.seen[:2]) == ("ok", "2.")
    postgres = await check_outside_postgres(postgres_dsn)
    assert postgres.level == "ok"
    assert "pgvector" in postgres.seen


async def test_an_outside_nats_without_jetstream_is_refused(home: Path) -> None:
    import signal

    from stack_waiting import until

    from tandem.doctor import check_outside_nats
    from tandem.embedded.nats import find_nats_server, lasting_port
    from tandem.embedded.process import Child

    port = lasting_port()
    binary = find_nats_server()
    assert binary is not None
    child = await Child.spawn(
        "plain", [binary, "-a", "127.0.0.1", "-p", str(port)], log=home / "plain.log"
    )
    try:
        await until(lambda: b"Server is ready" in (home / "plain.log").read_bytes())
        finding = await check_outside_nats(f"nats://127.0.0.1:{port}")
    finally:
        await child.stop(signal.SIGTERM, grace_s=10)
    assert finding.level == "fail"
    assert "JetStream" in finding.remedy


async def test_outside_servers_that_do_not_answer_name_their_settings() -> None:
    from tandem.doctor import check_outside_nats, check_outside_postgres

    nats = await check_outside_nats("nats://127.0.0.1:1")
    assert (nats.level, "TANDEM_NATS_URL" in nats.remedy) == ("fail", True)
    postgres = await check_outside_postgres("postgresql://nobody@127.0.0.1:1/none")
    assert (postgres.level, "TANDEM_POSTGRES_DSN" in postgres.remedy) == ("fail", True)


def _tandem(*arguments: str, home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from tandem.cli import main; main()", *arguments],
        env={**os.environ, "TANDEM_HOME": str(home), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_lists_every_check_and_fails_when_one_does(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = _tandem("doctor", home=home, TANDEM_PORT=port)
    for subject in ("Python", "packages", "nats-server", "Postgres", "home", "disk", "memory"):
        assert subject in done.stdout
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stdout
    assert done.stderr == ""


def test_the_port_of_the_house_that_runs_here_is_no_complaint(home: Path) -> None:
    import psutil

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        record = {
            "pid": os.getpid(),
            "started": psutil.Process().create_time(),
            "host": "127.0.0.1",
            "port": port,
            "nats_url": "",
            "postgres_dsn": "",
            "ray_address": "",
            "secret": "",
        }
        (home / "run.json").write_text(json.dumps(record))
        done = _tandem("doctor", home=home, TANDEM_PORT=str(port))
    assert "in use by the house that runs here" in done.stdout


def test_commands_that_need_a_house_say_that_none_runs(home: Path) -> None:
    done = _tandem("ask", "Do you deliver on Sundays?", home=home)
    assert done.returncode == 1
    assert done.stderr == "tandem: nothing is running here: start it with `make up`\n"


def test_the_record_of_a_dead_house_is_not_believed(home: Path) -> None:
    import psutil

    from tandem.addresses import read_running
    from tandem.errors import UserError

    record = {
        "pid": os.getpid(),
        "started": psutil.Process().create_time() - 100,  # the pid has been dealt anew since
        "host": "127.0.0.1",
        "port": 8000,
        "nats_url": "",
        "postgres_dsn": "",
        "ray_address": "",
        "secret": "",
    }
    (home / "run.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="nothing is running here"):
        read_running(settings(home))


def test_a_damaged_record_is_told(home: Path) -> None:
    from tandem.addresses import read_running
    from tandem.errors import UserError

    (home / "run.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        read_running(settings(home))


def test_the_secret_is_made_once_and_kept_private(home: Path) -> None:
    from tandem.addresses import house_secret

    first = house_secret(settings(home))
    assert len(first) >= 32
    assert house_secret(settings(home)) == first
    assert (home / "secret").stat().st_mode & 0o077 == 0
    assert house_secret(settings(home, secret="mine")) == "mine"


def test_help_needs_neither_ray_nor_torch(home: Path) -> None:
    code = (
        "import sys; sys.argv = ['tandem', '--help']\n"
        "from tandem.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'ray', 'torch', 'nats', 'asyncpg', 'litellm', 'sentence_transformers'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    for command in ("up", "doctor", "ask"):
        assert command in done.stdout


@pytest.mark.parametrize("arguments", [("nope",), ("up", "--nope"), ("ask",)])
def test_a_wrong_command_line_is_one_line_and_exit_code_2(
    home: Path, arguments: tuple[str, ...]
) -> None:
    done = _tandem(*arguments, home=home)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("tandem: ")
