"""Casa Lumen's visitors find the right page, in English and in Spanish, by the real model."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from knowledge_shelf import Shelf

    from serve_apps.embedding.encoder import EmbeddingModel

HERE = Path(__file__).parent
PAGES = HERE.parents[1] / "config" / "demo"


@pytest.fixture(scope="module")
async def help_pages(database: str, embedding_model: EmbeddingModel) -> AsyncIterator[Shelf]:
    from knowledge_shelf import open_shelf

    from serve_apps.embedding.encoder import EmbeddingQueue

    queue = EmbeddingQueue(embedding_model)
    shelf = await open_shelf(database, lambda space, texts: queue.embed_texts(texts))
    for page in sorted(PAGES.rglob("*.md")):
        await shelf.submit("demo", page.name, page.read_bytes())
    yield shelf
    await shelf.pool.close()
    await queue.close()


def questions(locale: str) -> list[dict[str, str]]:
    with (HERE / "demo_questions.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["locale"] == locale]


async def places(shelf: Shelf, locale: str) -> dict[str, int]:
    """For each question the place, from 0, of the page that answers it."""
    from actors.documents.service import document_id

    found: dict[str, int] = {}
    for row in questions(locale):
        hits = await shelf.search("demo", row["question"], locale=locale)
        pages = [hit.document for hit in hits]
        wanted = document_id(f"{row['page']}.md")
        found[row["question"]] = pages.index(wanted) if wanted in pages else len(pages)
    return found


@pytest.mark.parametrize(("locale", "first", "in_three"), [("en", 0.85, 0.95), ("es", 0.75, 0.9)])
async def test_questions_find_the_right_page(
    help_pages: Shelf, locale: str, first: float, in_three: float
) -> None:
    found = await places(help_pages, locale)
    assert len(found) >= 15
    missed = {question: place for question, place in found.items() if place}
    assert sum(place == 0 for place in found.values()) >= first * len(found), missed
    assert sum(place < 3 for place in found.values()) >= in_three * len(found), missed


@pytest.mark.parametrize("locale", ["en", "es"])
async def test_an_answer_is_found_in_the_visitors_language(help_pages: Shelf, locale: str) -> None:
    for row in questions(locale):
        hits = await help_pages.search("demo", row["question"], locale=locale)
        assert hits[0].locale == locale, row["question"]


async def test_a_visitor_who_leaves_the_accents_out_finds_the_page_too(help_pages: Shelf) -> None:
    hits = await help_pages.search("demo", "cuanto tarda la devolucion del dinero", locale="es")
    assert hits[0].title == "Devoluciones y reembolsos: ¿Cuándo recibo el dinero?"


async def test_the_best_sentence_holds_the_answer(help_pages: Shelf) -> None:
    def words(hits: Any) -> str:
        return " ".join(text for text, _ in hits[0].sentences[:2])

    hits = await help_pages.search("demo", "how many years is the warranty?", locale="en")
    assert "3 years" in words(hits)
    hits = await help_pages.search("demo", "¿cuánto cuesta el envío a España?", locale="es")
    assert "4,90 €" in words(hits)


def test_each_page_has_its_address_and_a_sister_in_the_other_language() -> None:
    from projections.knowledge.parsing.markdown import front_matter

    for locale in ("en", "es"):
        pages = sorted((PAGES / locale).glob("*.md"))
        assert 6 <= len(pages) <= 8
        for page in pages:
            text = page.read_text(encoding="utf-8")
            fields, _ = front_matter(text)
            assert fields["locale"] == locale
            assert fields["url"].startswith(f"https://casalumen.example/{locale}/")
            assert 200 <= len(text.split()) <= 400, page.name
