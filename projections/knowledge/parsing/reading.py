"""A document's bytes into its text, whatever its kind: the one way in to the parsers.

Each format has a file of its own; what it needs of libraries is imported when the first document
of its kind is read.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import PurePosixPath

import msgspec

from events.artifacts import Parsed
from events.knowledge import MediaType
from projections.knowledge.parsing.errors import Unparsable
from projections.knowledge.parsing.flags import cleaned
from projections.knowledge.parsing.sniff import DOCX, PDF, PPTX, XLSX

_PARSERS: dict[MediaType, tuple[str, str]] = {
    "text/plain": ("plain", "parse_plain"),
    "text/markdown": ("markdown", "parse_markdown"),
    "text/csv": ("tables", "parse_csv"),
    "text/html": ("web", "parse_web"),
    PDF: ("pdf", "parse_pdf"),
    DOCX: ("word", "parse_word"),
    PPTX: ("slides", "parse_slides"),
    XLSX: ("sheets", "parse_sheets"),
}
_EMPTY = {
    PDF: "there is no text in it, only pictures perhaps. If it was scanned, run text recognition"
    " (OCR) over it and hand in the result.",
    "text/html": "no text was found in the page. If a script draws it in the browser, save it"
    " from there as text or PDF.",
}


def parse(
    content: bytes,
    media_type: MediaType,
    *,
    name: str,
    title: str = "",
    url: str = "",
    locale: str = "",
) -> Parsed:
    """The text of a document in its order, in blocks that know their headings and their place.

    The same bytes give the same result. `name` is used in messages. `title` (where it is more
    than the file's name), `url` and `locale` stand in for what the document does not say of
    itself; a web page's language yields to `locale`. Hidden characters and hidden text are left
    out and flagged.

    Raises Unparsable. A file made to do harm can take any time and memory here, or end the
    process: use `parse_in_child` for what others hand in.
    """
    module, function = _PARSERS[media_type]
    parser = getattr(import_module(f"{__package__}.{module}"), function)
    parsed: Parsed = cleaned(parser(content, name))
    if not parsed.blocks:
        reason = _EMPTY.get(media_type, "there is no word in it. Hand in one with text.")
        raise Unparsable("empty", f"{name}: {reason}")
    given = title if title != PurePosixPath(name).stem else ""
    return msgspec.structs.replace(
        parsed,
        title=parsed.title or given,
        url=parsed.url or url,
        locale=_locale(parsed.locale, locale, media_type),
    )


def _locale(own: str, given: str, media_type: MediaType) -> str:
    return (given or own) if media_type == "text/html" else (own or given)
