"""The widget's own checks, as one run with all the others: types, unit tests, the lock."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "serve_apps" / "web"


@pytest.mark.parametrize("script", ["check", "test"])
def test_npm_script_passes(script):
    npm = shutil.which("npm")
    if npm is None or not (WEB / "node_modules").is_dir():
        pytest.skip("npm or serve_apps/web/node_modules is not there (`npm ci`)")
    ran = subprocess.run(
        [npm, "run", script], cwd=WEB, capture_output=True, text=True, timeout=600, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_lock_names_no_registry():
    lock = json.loads((WEB / "package-lock.json").read_text())
    named = [name for name, package in lock["packages"].items() if "resolved" in package]
    assert named == []
    assert all("integrity" in package for name, package in lock["packages"].items() if name)
