"""Fixtures of the knowledge index's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from knowledge_shelf import Shelf, open_shelf

if TYPE_CHECKING:
    from serve_apps.embedding.encoder import EmbeddingModel


@pytest.fixture(scope="module")
async def shelf(database: str) -> AsyncIterator[Shelf]:
    """Shared by a module's tests: give every test a tenant of its own."""
    shelf = await open_shelf(database)
    yield shelf
    await shelf.pool.close()


@pytest.fixture(scope="session")
def embedding_model() -> EmbeddingModel:
    """The real model, loaded once for the run."""
    from serve_apps.embedding.encoder import EmbeddingModel

    return EmbeddingModel()
