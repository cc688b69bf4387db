"""A document's bytes into its text, whatever its kind: the one way in to the parsers.

Each format has a file of its own; what it needs of libraries is imported when the first document
of its kind is read.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import PurePosixPath

import msgspec

from events.knowledge import MediaType
from events.objects.artifacts import Parsed
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
_SAVE_AGAIN = "Save it again in the program that it comes from."
_EMPTY: dict[MediaType, str] = {
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
    parsed = cleaned(_raw(content, media_type, name))
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


def _raw(content: bytes, media_type: MediaType, name: str) -> Parsed:
    """What the format's own parser makes of it. Whatever its library raises at a broken file
    means that the file is broken."""
    module, function = _PARSERS[media_type]
    parser = getattr(import_module(f"{__package__}.{module}"), function)
    try:
        return parser(content, name)
    except (Unparsable, MemoryError):
        raise
    except RecursionError:
        raise Unparsable(
            "corrupt", f"{name}: its parts are nested too deeply. {_SAVE_AGAIN}"
        ) from None
    except Exception as error:
        if "memory" in str(error).lower():
            raise MemoryError from None  # as lxml says it
        what = " ".join(str(error).split())[:150] or type(error).__name__
        raise Unparsable(
            "corrupt", f"{name}: damaged, it cannot be read ({what}). {_SAVE_AGAIN}"
        ) from error


def _locale(own: str, given: str, media_type: MediaType) -> str:
    return (given or own) if media_type == "text/html" else (own or given)
