"""Fixtures of the knowledge index's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from knowledge_shelf import Shelf, open_shelf

if TYPE_CHECKING:
    from serve_apps.encoder import EmbeddingModel


@pytest.fixture(scope="module")
async def shelf(database: str) -> AsyncIterator[Shelf]:
    """Shared by a module's tests: give every test a tenant of its own."""
    async with open_shelf(database) as opened:
        yield opened


@pytest.fixture(scope="session")
def embedding_model() -> EmbeddingModel:
    """The real model, loaded once for the run."""
    from serve_apps.encoder import EmbeddingModel

    return EmbeddingModel()
