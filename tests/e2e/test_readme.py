"""The README's commands do what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from benchmarks.house import House
from projections.read_models.catalogue import read_models

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


def commands() -> list[str]:
    text = (ROOT / "README.md").read_text()
    found = re.findall(r"^\$ tandem (.+)$", text, re.MULTILINE)
    # `doctor` finds the address taken by the house of this run: see tests/stack/test_doctor.py
    return [line for line in found if line != "doctor"]


def test_the_readme_shows_commands() -> None:
    assert len(commands()) >= 4


@pytest.mark.parametrize("line", commands())
def test_each_command_of_the_readme_works(house: House, line: str) -> None:
    done = house.run(*shlex.split(line))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    if line == "rebuild":
        # every read model, and the knowledge index
        assert done.stdout.count("equal, row for row") == len(read_models()) + 1


def test_every_path_that_the_documents_link_to_exists() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
