"""Markdown or plain text from anyone into HTML that is safe to show: mistune, then nh3.

Only a small set of elements survives, links only to http(s) and never to a script; raw HTML in
the text is shown as text. Citations such as `[1]` stay text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

import nh3

if TYPE_CHECKING:
    from mistune import Markdown

TAGS = {"p", "br", "strong", "em", "ul", "ol", "li", "code", "pre", "a", "sup"}
ATTRIBUTES = {"a": {"href"}}
SCHEMES = {"http", "https"}
_WEB = re.compile(r"https?://[^/]", re.IGNORECASE)
_CITED_LINK = re.compile(r"\[(\d{1,3})\](?=[(:\[])")


@lru_cache(maxsize=1)
def _markdown() -> Markdown:
    import mistune  # noqa: PLC0415 — only the processes that render need it

    class Renderer(mistune.HTMLRenderer):
        def heading(self, text: str, level: int, **attrs: object) -> str:
            """A chat answer has no outline: a heading is a line in bold."""
            return f"<p><strong>{text}</strong></p>\n"

    return mistune.create_markdown(renderer=Renderer(escape=True), hard_wrap=True, plugins=["url"])


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Only absolute web addresses may be linked; beside that, what nh3 sets itself stays."""
    if (tag, name) == ("a", "href"):
        return value if _WEB.match(value) else None
    return value if tag == "a" and name in {"rel", "target"} else None


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer nofollow ugc",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    ).strip()


def from_markdown(text: str) -> str:
    """Safe HTML of Markdown `text`. A citation is never taken for a link's label."""
    rendered = _markdown()(_CITED_LINK.sub(r"\\[\1\\]", text))
    return _clean(str(rendered))


def from_plain(text: str) -> str:
    """Safe HTML of plain `text`: paragraphs and line breaks, nothing else."""
    paragraphs = re.split(r"\n{2,}", text.strip())
    shown = (escape(paragraph, quote=False).replace("\n", "<br>") for paragraph in paragraphs)
    return "".join(f"<p>{paragraph}</p>" for paragraph in shown if paragraph)
