"""Only harmless HTML comes out, whatever goes in."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_apps.gateway.shared.safe_html import TAGS, from_markdown, from_plain

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "[x](//evil.example)",
    '[x](https://a.example" onmouseover="alert(1))',
    "![x](https://evil.example/pixel.png)",
    "<a href='https://a.example' onclick='alert(1)'>a</a>",
    "<style>body{display:none}</style>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<!--<img src=x onerror=alert(1)>-->",
    "`<script>alert(1)</script>`",
    "```html\n<script>alert(1)</script>\n```",
    "<https://a.example/?q=<script>alert(1)</script>>",
    "# <img src=x onerror=alert(1)>",
    "- <b onmouseover=alert(1)>b</b>",
]
TAG = re.compile(r"<\s*/?\s*([a-zA-Z0-9]+)([^>]*)>")
ATTRIBUTE = re.compile(r'\s([a-z]+)="([^"]*)"')


def is_harmless(html: str) -> bool:
    for name, rest in TAG.findall(html):
        if name not in TAGS:
            return False
        attributes = dict(ATTRIBUTE.findall(rest))
        if not set(attributes) <= ({"href", "rel", "target"} if name == "a" else set()):
            return False
        if "href" in attributes and not re.match(r"https?://[^/]", attributes["href"]):
            return False
    return "<!" not in html


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_known_attack_comes_out_harmless(payload):
    assert is_harmless(from_markdown(payload))
    assert is_harmless(from_plain(payload))


@given(st.text(alphabet="<>\"'`[]()!/:=#-*_ \n\tabhtpsjvcrion&;0", max_size=120))
def test_nothing_harmful_comes_out_of_any_text(text):
    assert is_harmless(from_markdown(text))
    assert is_harmless(from_plain(text))


def test_the_small_set_of_elements_is_kept():
    html = from_markdown("**a** *b* `c`\nd\n\n- e\n\n1. f\n\n```\ng\n```")
    for part in (
        "<strong>a</strong>",
        "<em>b</em>",
        "<code>c</code>",
        "<br>",
        "<ul>",
        "<ol>",
        "<pre>",
    ):
        assert part in html


def test_a_heading_becomes_a_line_in_bold():
    assert from_markdown("# Returns") == "<p><strong>Returns</strong></p>"


def test_citations_stay_text_even_before_a_parenthesis():
    html = from_markdown("Three days [1][2] (see below) [3](https://evil.example)")
    assert "[1][2]" in html
    assert "[3](" in html
    assert not re.search(r">\s*3\s*</a>", html)


def test_a_link_opens_outside_and_gives_nothing_away():
    html = from_markdown("[help](https://acme.example/help)")
    assert 'href="https://acme.example/help"' in html
    assert 'target="_blank"' in html
    assert "noopener" in html


def test_plain_text_keeps_its_lines_and_shows_markdown_as_it_is():
    assert from_plain("a **b**\nc\n\n<d>") == "<p>a **b**<br>c</p><p>&lt;d&gt;</p>"
