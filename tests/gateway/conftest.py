"""Gateways for tests: one for a module, or one of a test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from gateway_house import House, serving


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    """A gateway for a module whose tests do not change it."""
    async with serving() as running:
        yield running


@pytest.fixture
def gateway() -> Callable[..., Any]:
    """`async with gateway(limits=...) as house:` for tests that need one of their own."""
    return serving


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A built site, as small as can be."""
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>shop</title>")
    (folder / "docs.html").write_text("<!doctype html><title>docs</title>")
    (folder / "widget.js").write_text("customElements")
    (folder / "docs-AB12CD34.js").write_text("swagger")
    (tmp_path / "outside.txt").write_text("not for you")
    return folder
