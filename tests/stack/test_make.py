"""The Makefile and the lock: what a new machine meets first."""

from __future__ import annotations

import os
import re
import subprocess
import time
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def lock() -> dict[str, Requirement]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line.strip()]
    return {canonicalize_name(pin.name): pin for pin in pins}


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_every_line_of_the_lock_is_one_exact_version_and_no_place() -> None:
    line_form = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+( ; [a-z_]+ [!=]= \"[a-z0-9]+\")?")
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        assert line_form.fullmatch(line), line


def test_the_lock_holds_every_dependency_at_a_version_that_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = project["dependencies"] + project["optional-dependencies"]["dev"]
    pins = lock()
    for text in asked:
        wanted = Requirement(text)
        pin = pins.get(canonicalize_name(wanted.name))
        assert pin is not None, f"{wanted.name} is not in requirements.lock: make lock"
        version = next(iter(pin.specifier)).version
        assert wanted.specifier.contains(version, prereleases=True), f"{wanted} but {version}"


def test_help_names_every_target() -> None:
    done = make("help")
    for target in ("up", "test", "check", "bench", "web", "clean"):
        assert f"make {target}" in done.stdout


def test_an_old_python_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_text("")
    old = tmp_path / "python3.9"
    # Runs the version check with a Python that calls itself 3.9.
    old.write_text(
        "#!/bin/sh\n"
        'exec python3 -c "import sys; sys.version_info = (3, 9, 0); code, *sys.argv[:] = '
        'sys.argv[2], \'-c\', *sys.argv[3:]; exec(code)" "$@"\n'
    )
    old.chmod(0o755)
    done = make(".venv/.installed", f"PYTHON={old}", folder=tmp_path)
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "is 3.9" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_a_machine_without_python_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_text("")
    done = make(".venv/.installed", "PYTHON=", folder=tmp_path)
    assert done.returncode != 0
    assert "no Python 3.11 or newer found" in done.stderr


def test_it_installs_again_only_when_the_lock_or_the_project_has_changed(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    (tmp_path / ".venv").mkdir()
    for name, age in (
        ("requirements.lock", 100),
        ("pyproject.toml", 100),
        (".venv/.installed", 50),
    ):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (time.time() - age, time.time() - age))

    def would_install() -> bool:
        done = make("--dry-run", ".venv/.installed", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        return "pip install" in done.stdout

    assert not would_install()
    for name in ("requirements.lock", "pyproject.toml"):
        os.utime(tmp_path / name)
        assert would_install()
        os.utime(tmp_path / name, (0, 0))
        assert not would_install()
