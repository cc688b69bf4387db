"""One real, small document of each kind of a lamp shop, with a question that only it answers.

Each answer is a whole sentence (or a row) at a place that is known.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import msgspec

from events.conversation import Place


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A file, a question about it, words that a right answer holds, and where they stand."""

    path: Path
    question: str
    answer_contains: str
    place: Place = Place()


def write_samples(folder: Path) -> list[Sample]:
    """Writes every sample into `folder` (made where there is none)."""
    folder.mkdir(parents=True, exist_ok=True)
    samples: list[Sample] = []
    for name, build, question, answer, place in _SAMPLES:
        path = folder / name
        path.write_bytes(build())
        samples.append(Sample(path=path, question=question, answer_contains=answer, place=place))
    return samples


def handbook_pdf() -> bytes:
    """Three pages, with a running header and page numbers as print has them."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer

    def running(canvas: object, document: object) -> None:
        canvas.setFont("Helvetica", 9)  # type: ignore[attr-defined]
        canvas.drawString(72, 800, "Candela Lamps - Service handbook")  # type: ignore[attr-defined]
        canvas.drawString(280, 30, f"Page {document.page}")  # type: ignore[attr-defined]

    styles = getSampleStyleSheet()
    pages = [
        (
            "Welcome",
            [
                "This handbook is for everyone who answers customers of Candela Lamps.",
                "Our workshop in Valencia has built table lamps and floor lamps since 1987.",
            ],
        ),
        (
            "Guarantee and repair",
            [
                "Every lamp is guaranteed for seven years from the day of purchase.",
                "A repair in our workshop takes twelve working days on average. The customer is"
                " told the price before any work begins.",
            ],
        ),
        (
            "Old lamps",
            [
                "We take old lamps back free of charge in every shop and recycle the metal.",
                "Fluorescent tubes contain mercury and must be handed in unbroken.",
            ],
        ),
    ]
    story: list[object] = []
    for number, (heading, paragraphs) in enumerate(pages):
        story += [PageBreak()] if number else []
        story += [Paragraph(heading, styles["Heading1"]), Spacer(1, 12)]
        story += [Paragraph(paragraph, styles["BodyText"]) for paragraph in paragraphs]
    file = io.BytesIO()
    template = SimpleDocTemplate(
        file, pagesize=A4, title="Service handbook", author="Candela Lamps", invariant=1
    )
    template.build(story, onFirstPage=running, onLaterPages=running)
    return file.getvalue()


def manual_docx() -> bytes:
    from docx import Document

    document = Document()
    document.core_properties.title = "Mounting the Aurora wall lamp"
    document.add_heading("Mounting the Aurora wall lamp", level=0)
    document.add_paragraph("This leaflet lies in the box of every Aurora wall lamp.")
    document.add_heading("Before you begin", level=1)
    document.add_paragraph("Switch the fuse off and check that the cable carries no current.")
    document.add_heading("Drilling", level=1)
    document.add_paragraph("The two holes are drilled 84 millimetres apart.")
    document.add_paragraph("Use the template that is printed on the lid of the box.")
    document.add_heading("Spare parts", level=1)
    table = document.add_table(rows=3, cols=2)
    for row, cells in zip(
        table.rows,
        [("Part", "Order number"), ("Glass shade", "AU-301"), ("Wall bracket", "AU-417")],
        strict=True,
    ):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    return _saved(document)


def training_pptx() -> bytes:
    from pptx import Presentation

    deck = Presentation()
    deck.core_properties.title = "Training for new colleagues"
    slides = [
        ("Training for new colleagues", ["Candela Lamps, spring course"], ""),
        (
            "Opening hours of the showroom",
            [
                "The showroom in Valencia is open from Tuesday to Saturday.",
                "On Thursdays the showroom stays open until nine in the evening.",
            ],
            "Mention that visitors can park in the courtyard behind the showroom.",
        ),
        (
            "Greeting a visitor",
            ["Ask which room the lamp is for.", "Offer to dim the lights of the display."],
            "",
        ),
    ]
    for title, lines, notes in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = "\n".join(lines)
        if notes:
            slide.notes_slide.notes_text_frame.text = notes
    return _saved(deck)


def stock_xlsx() -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    lamps = book.active
    lamps.title = "Lamps"
    rows = [
        ("Model", "Socket", "Maximum bulb power"),
        ("Brisa desk lamp", "E14", "25 watts"),
        ("Marea floor lamp", "E27", "60 watts"),
        ("Nube pendant lamp", "E27", "40 watts"),
    ]
    for row in rows:
        lamps.append(row)
    shipping = book.create_sheet("Shipping")
    for row in [
        ("Country", "Days in transit", "Cost"),
        ("Spain", "2 days", "4.90 euros"),
        ("Portugal", "3 days", "6.50 euros"),
        ("Iceland", "9 days", "31.00 euros"),
    ]:
        shipping.append(row)
    return _saved(book)


def care_html() -> bytes:
    return b"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Caring for your lamp | Candela Lamps</title>
<link rel="canonical" href="https://candela.example/care">
<script>window.tracking = {"id": 1};</script></head>
<body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/shop">Shop</a></li>
<li><a href="/cart">Cart</a></li></ul></nav>
<main><article>
<h1 id="care">Caring for your lamp</h1>
<p>A lamp that is looked after lasts for decades. This page tells how to clean the parts of a lamp
and which products harm them.</p>
<h2 id="brass">Cleaning brass</h2>
<p>Brass lamps are polished with a soft cloth and a few drops of lemon oil. Never use steel wool on
brass, because it leaves scratches that cannot be removed.</p>
<h2 id="linen">Linen shades</h2>
<p>Linen shades are cleaned with a dry brush once a month. Water leaves rings on linen.</p>
</article></main>
<footer><p>Copyright Candela Lamps. Imprint. Privacy. Cookies.</p></footer>
</body></html>
"""


def faq_csv() -> bytes:
    return _csv(
        ("question", "answer", "source", "url"),
        ("Can I pay by instalments?", "You can pay any lamp in four instalments without interest.",
         "FAQ", "https://candela.example/faq#pay"),
        ("How long can I return a lamp?", "You can return a lamp within 45 days of delivery.",
         "FAQ", "https://candela.example/faq#returns"),
        ("Do you have gift cards?", "Gift cards are sold from 20 euros and never expire.",
         "FAQ", "https://candela.example/faq#gifts"),
    )  # fmt: skip


def prices_csv() -> bytes:
    return _csv(
        ("Service", "Price", "Duration"),
        ("Rewiring a chandelier", "180 euros", "one week"),
        ("Shortening a cable", "12 euros", "while you wait"),
        ("Engraving a base", "35 euros", "two days"),
    )


def club_md() -> bytes:
    return b"""---
title: The Candela club
url: https://candela.example/club
locale: en
---

# The Candela club

Members hear of new lamps first.

## Joining

Membership of the club costs 15 euros a year.

## What members get

Members receive a free set of LED bulbs every December.
"""


def letter_txt() -> bytes:
    return b"""Dear colleagues,

from the first of March our workshop has a new telephone for emergencies.
If a lamp smells of burning, customers call the emergency number 555 0142 at any hour.

Kind regards, the workshop
"""


def _csv(*rows: tuple[str, ...]) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


def _saved(document: object) -> bytes:
    file = io.BytesIO()
    document.save(file)  # type: ignore[attr-defined]
    return file.getvalue()


_SAMPLES: list[tuple[str, Callable[[], bytes], str, str, Place]] = [
    ("handbook.pdf", handbook_pdf, "How long is every lamp guaranteed?",
     "guaranteed for seven years", Place(page=2)),
    ("aurora.docx", manual_docx, "How far apart are the two holes drilled?",
     "84 millimetres apart", Place()),
    ("training.pptx", training_pptx, "Until when is the showroom open on Thursdays?",
     "until nine in the evening", Place(slide=2)),
    ("stock.xlsx", stock_xlsx, "How much does shipping to Iceland cost?",
     "31.00 euros", Place(sheet="Shipping", row=4)),
    ("care.html", care_html, "How are brass lamps polished?",
     "lemon oil", Place(anchor="brass")),
    ("faq.csv", faq_csv, "How long can I return a lamp?",
     "within 45 days of delivery", Place(row=3)),
    ("prices.csv", prices_csv, "What is the price of rewiring a chandelier?",
     "180 euros", Place(row=2)),
    ("club.md", club_md, "How much does membership of the club cost?",
     "15 euros a year", Place()),
    ("letter.txt", letter_txt, "Which number do customers call if a lamp smells of burning?",
     "555 0142", Place()),
]  # fmt: skip
