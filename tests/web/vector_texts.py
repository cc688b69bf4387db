"""Texts for the vectors' visitors and operators: ordinary, Spanish, emoji, hostile, odd, long."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")

PLAIN = (
    "Where is my order 10482?",
    "Can I return a lamp that I have used? It hums. A lot!",
    "thanks",
    "I want a person",
    "Do I get a human-readable receipt?",
    "¿Puedo devolver la lámpara? Llegó ayer. ¡Está rota!",
    "quiero hablar contigo, por favor",
    "La garantía cubre 2 años… ¿verdad?",
    "Does the bulb E27 fit? And the E14?",
)
EMOJI = (
    "👩‍👩‍👧‍👦 family lamp 💡💡 for us? 🇪🇸🇲🇽 Sí. 👍🏽",
    "😡😡😡😡 nobody answers!!! 😡",
    "\U0001d523\U0001d51e\U0001d52b\U0001d520\U0001d536 \U0001d529\U0001d522. Then more.",
)
ODD = (
    "a\x1cb\x1dc\x1ed\x1fe f\x85g\xa0h. i",
    "tab\tand\vvertical\fform\rreturn. next",
    "line\u2028separator\u2029paragraph. wide\u3000space\u202fnarrow\u205fmath",
    "\ufeffa mark that is no space. So it stays\u200b.",
    "one\n\n\ntwo.\nthree! four? five",
    "مرحبا، أين طلبي؟ שלום 你好。世界",
    "e\u0301 is two code points. Cafe\u0301s too",
    ". . . ! ? .",
    "3.5 V, e.g. here.But not here",
)
HOSTILE = (
    '<img src=x onerror="window.__xss=1">',
    "</script><script>window.__xss=1</script>",
    "[click](javascript:window.__xss=1) <a href='javascript:window.__xss=1'>x</a>",
    "\"><svg onload=window.__xss=1> {{constructor.constructor('window.__xss=1')()}}",
    "constructor __proto__ hasOwnProperty toString",
    "'; DROP TABLE events; -- ${window.__xss=1} `x`",
    "\u202egnp.exe\u202c and \u2066isolated\u2069",
)
MARKDOWN = (
    "**Yes.** You have *30 days* [1]:\n\n1. Pack it\n2. Print the label\n   - at home\n"
    "   - in a shop\n\nSee [the page](https://casa-lumen.example/help) or `label`.",
    "# Steps\n\n- open\n- close\n\n```\nx < 1\n```\nDone <b>now</b>.",
)

MODEL_MARKDOWN = (
    *MARKDOWN,
    "Hello **world** [1]. Next\nline",
    "# Title\n\n- a\n- b **c**\n  - nested\n- d\n\nafter",
    "1. one\n2. two\n\n3. three",
    "`code <b>` and\n```py\nx = 1 < 2\n\ny\n```\nend",
    'see https://a.example/x?y=1&z=2. and [link](https://b.example "t") '
    "[bad](javascript:alert(1)) ![picture](https://c.example/i.png)",
    "> quoted\n> more",
    "a\n\n\n\nb  \nc\\\nd",
    "*em* _em_ __b__ ***both*** a_b_c 2*3*4",
    "<img src=x onerror=alert(1)> & \"q\" 'x'",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "---\n\ntext",
    "* a\n* b\n\ntext\n+ c",
    "Setext\n=====\nx",
    "- a\n\n  para\n- b",
    "\\*not em\\* 1\\. x",
    "[1] [2](x) [3]: foo",
    "[1]: https://evil.example\n\nsee [1]",
    "<https://auto.example> ~~s~~ a &amp; b **unclosed",
    "    indented code\n\nx",
    "text\n- list right after\n- two",
    "You can:\n1. Open **Settings**.\n2. Press *Save* [2].\n   It takes a minute.\n\nThen:\n- done",
    "**Bold:** text\n\n**More:**\n* item one\n* item two\n    * deep\n    * deep 2\n* item three",
    "## Steps\n1. A\n   - x\n   - y\n2. B",
)
"""What language models write, and what somebody may make them write."""


def pick(rng: Random, options: Sequence[T]) -> T:
    """`random()` alone gives the same numbers in every version of Python; `choice` need not."""
    return options[int(rng.random() * len(options))]


def text(rng: Random, *, longest: int = 2000) -> str:
    """One message, seldom a long one; never blank."""
    roll = rng.random()
    if roll < 0.45:
        return pick(rng, PLAIN)
    if roll < 0.55:
        return pick(rng, EMOJI)
    if roll < 0.70:
        return pick(rng, ODD)
    if roll < 0.85:
        return pick(rng, HOSTILE)
    if roll < 0.93:
        return f"{pick(rng, PLAIN)} {pick(rng, EMOJI)} {pick(rng, ODD)}"
    return long(rng, longest)


def long(rng: Random, longest: int) -> str:
    """As long as it may be, in code points, with characters outside of the basic plane."""
    piece = pick(rng, ("lamp ", "💡", "ñandú. ", "no space here", "x"))
    return (piece * longest)[:longest].strip()
