"""Files made to break a reader, each with what must come of it. Made by code: none is kept."""

from functools import cache

from hostile.case import Case
from hostile.office import office_cases
from hostile.pages import page_cases
from hostile.pdfs import pdf_cases
from hostile.texts import text_cases

__all__ = ["Case", "hostile_cases"]


@cache
def hostile_cases() -> list[Case]:
    """All of them, each with a name of its own."""
    return [*text_cases(), *pdf_cases(), *office_cases(), *page_cases()]
