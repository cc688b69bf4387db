"""Fixtures of the tests that start servers and houses."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running_house import STOP_TIMEOUT_S, RunningHouse, wait_until


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty folder with a short path, removed afterwards."""
    place = Path(tempfile.mkdtemp(prefix="td-test-"))
    yield place
    shutil.rmtree(place)


@pytest.fixture
def start_house(home: Path) -> Iterator[Callable[..., RunningHouse]]:
    """Starts houses on one home; call with options of `up` and settings as keywords."""
    houses: list[RunningHouse] = []
    place = home / "home"

    def start(*options: str, **env: str) -> RunningHouse:
        house = RunningHouse(Path(env.pop("TANDEM_HOME", str(place))), *options, **env)
        houses.append(house)
        return house

    yield start
    for house in houses:
        house.kill()
    for house in houses:
        wait_until(lambda: not house.left(), timeout_s=STOP_TIMEOUT_S, what="house swept")  # noqa: B023 # called at once
