"""What a model wrote, sentence by sentence, against its sources. Pure.

A sentence goes out as fact only when a source bears it out; its citation is set right, or set,
on the way. Courtesies from a closed list pass without one; all else is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from actors.ports import Passage
from actors.speech.claims import URL, Evidence, Support, bare, support
from actors.speech.instructions import reads_as_instruction
from actors.speech.language import detect
from actors.speech.sentences import CITATION, content, coverage, cut, fold, topic, wording
from actors.speech.texts import COURTESY, NO_ANSWER
from events.conversation import Place, Source

COSINE_ANSWERABLE = 0.45
"""An English passage at or above this closeness of meaning is taken to speak of the question."""
COSINE_FLOOR = 0.30
"""Below this, shared words alone do not make an English passage an answer."""
WORDS_ANSWERABLE = 0.5
"""Between floor and cosine threshold, and always in other languages (the default embedder knows
English only: there, unrelated text comes to 0.6): the share of the question's topic words that
a passage must hold."""
KEPT_SHARE = 0.5
"""With fewer of its claims borne out than this, a whole answer is not sent as one."""

_IMAGE_OR_TAG = re.compile(
    r"!\[[^\]]*\]|<\s*/?\s*[a-zA-Z!][^>]*>?|javascript:|data:\w+/", re.IGNORECASE
)
_CITED_TAIL = re.compile(r"(?:\s*\[\d{1,3}(?:\s*[,;]\s*\d{1,3})*\])+")

Reason = Literal[
    "",
    "courtesy",
    "not_in_source",
    "number",
    "negation",
    "extent",
    "link_not_in_source",
    "instruction",
    "markup",
    "nothing_to_check",
]


class Checked(msgspec.Struct, frozen=True):
    """One sentence, judged. Send `text` when `supported`; joined, such texts are the answer.

    `text` keeps its white space and carries the citations that hold, in the visitor's numbers.
    """

    text: str
    supported: bool
    reason: str = ""
    score: float = 0.0
    cites: tuple[int, ...] = ()


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer, judged. With `unknown` the text is empty: say that you do not know.

    `cited` are 1-based numbers of the passages given, in the order of their first citation;
    `sources[i].n` is the number that `text` cites. `confidence` is 0 to 1.
    """

    kind: Literal["answer", "unknown"]
    text: str
    cited: tuple[int, ...] = ()
    sources: tuple[Source, ...] = ()
    confidence: float = 0.0
    detail: dict[str, str | float | bool] = {}


class Answerable(msgspec.Struct, frozen=True):
    """Whether what was found can hold the answer; `cosine` and `words` say why."""

    ok: bool
    cosine: float = 0.0
    words: float = 0.0

    def __bool__(self) -> bool:
        return self.ok


def answerable(question: str, passages: Sequence[Passage]) -> Answerable:
    """Whether to ask a generator at all: a passage is close in meaning, or close enough and holds
    the question's topic words. The thresholds above say how close."""
    if not passages:
        return Answerable(ok=False)
    language = detect(question, passages[0].locale or "en")
    wanted = topic(question, language)
    best = Answerable(ok=False)
    for passage in passages:
        given = set(content(f"{passage.title} {passage.text}", language))
        share = coverage(wanted, given) if wanted else 0.0
        needs = COSINE_FLOOR if language == "en" else COSINE_ANSWERABLE
        ok = passage.score >= needs and share >= WORDS_ANSWERABLE
        ok = ok or (language == "en" and passage.score >= COSINE_ANSWERABLE)
        if (ok, passage.score) > (best.ok, best.cosine):
            best = Answerable(ok, passage.score, share)
    return best


class Guard:
    """Judges one answer as it streams in. Not to be shared between answers.

    `passages` are those of the request, in its order; `locale` breaks ties of language.
    """

    def __init__(self, passages: Sequence[Passage], *, locale: str = "en") -> None:
        self._passages = passages
        self._locale = locale
        self._evidence: dict[int, Evidence] = {}
        self._rest = ""
        self._checked: list[Checked] = []
        self._numbers: dict[int, int] = {}
        self._quotes: dict[int, tuple[str, float]] = {}

    def feed(self, text: str) -> list[Checked]:
        """Takes a piece of the answer; returns each sentence that is now whole, judged."""
        pieces, self._rest = cut(self._rest + text, final=False)
        return self._check_all(pieces)

    def flush(self) -> list[Checked]:
        """Judges what is left when the answer has ended."""
        pieces, self._rest = cut(self._rest)
        return self._check_all(pieces)

    def finish(self) -> Verdict:
        """Judges what is left and the whole. Further calls give the same verdict."""
        self.flush()
        kept = [c for c in self._checked if c.supported]
        claims = [c for c in self._checked if c.reason != "courtesy"]
        facts = [c for c in kept if c.reason != "courtesy"]
        dropped = [c for c in claims if not c.supported]
        detail: dict[str, str | float | bool] = {
            "claims": float(len(claims)),
            "supported": float(len(facts)),
        }
        if dropped:
            detail["dropped"] = ", ".join(sorted({c.reason for c in dropped}))
        if not facts or len(facts) < KEPT_SHARE * len(claims):
            return Verdict(kind="unknown", text="", detail=detail)
        return Verdict(
            kind="answer",
            text="".join(c.text for c in kept).strip(),
            cited=tuple(self._numbers),
            sources=self._sources(),
            confidence=self._confidence(facts, len(claims)),
            detail=detail,
        )

    def _confidence(self, facts: list[Checked], claims: int) -> float:
        borne_out = sum(c.score for c in facts) / claims
        closeness = max((self._passages[n - 1].score for n in self._numbers), default=0.0)
        return round(min(max(borne_out * (0.5 + 0.5 * min(closeness / 0.8, 1.0)), 0.0), 1.0), 3)

    def _sources(self) -> tuple[Source, ...]:
        return tuple(
            Source(
                n=shown,
                chunk=passage.chunk,
                document=passage.document,
                title=passage.title,
                quote=self._quotes[number][0],
                url=passage.url,
                score=passage.score,
                place=passage.place if passage.place != Place() else None,
                version=passage.version,
            )
            for number, shown in self._numbers.items()
            for passage in (self._passages[number - 1],)
        )

    def _check_all(self, pieces: list[str]) -> list[Checked]:
        checked = [self._check(piece) for piece in pieces if piece.strip()]
        self._checked += checked
        return checked

    def _check(self, piece: str) -> Checked:
        sentence = piece.strip()
        if NO_ANSWER in sentence:
            return Checked(piece, False, "nothing_to_check")
        if _IMAGE_OR_TAG.search(sentence):
            return Checked(piece, False, "markup")
        if reads_as_instruction(bare(sentence)):
            return Checked(piece, False, "instruction")
        if is_courtesy(sentence):
            return Checked(_CITED_TAIL.sub("", piece), True, "courtesy")
        return self._check_claim(piece)

    def _check_claim(self, piece: str) -> Checked:
        cited = [
            int(n) for group in CITATION.findall(piece) for n in re.split(r"\s*[,;]\s*", group)
        ]
        named = [n for n in dict.fromkeys(cited) if 1 <= n <= len(self._passages)]
        others = [n for n in range(1, len(self._passages) + 1) if n not in named]
        language = wording(bare(piece), self._locale)
        held: list[tuple[int, Support]] = []
        worst = Support(0.0, reason="not_in_source")
        for number in [*named, *others]:
            if held and number not in named:
                break
            found = support(piece, self._read(number), language)
            if found:
                held.append((number, found))
            elif (found.score, found.reason != "not_in_source") > (worst.score, False):
                worst = found
        if not held:
            return Checked(piece, False, worst.reason, round(worst.score, 3))
        for number, found in held:
            self._note(number, found)
        text = _with_citations(piece, [self._numbers[number] for number, _ in held])
        score = max(found.score for _, found in held)
        return Checked(text, True, "", round(score, 3), tuple(number for number, _ in held))

    def _read(self, number: int) -> Evidence:
        """Passage `number` (from 1), read only when an answer needs it."""
        if number not in self._evidence:
            passage = self._passages[number - 1]
            self._evidence[number] = Evidence(passage.text, title=passage.title, url=passage.url)
        return self._evidence[number]

    def _note(self, number: int, found: Support) -> None:
        self._numbers.setdefault(number, len(self._numbers) + 1)
        known = self._quotes.get(number)
        if known is None:
            self._quotes[number] = (found.quote, found.score)
            return
        joined = self._joined(number, known[0], found.quote)
        self._quotes[number] = (joined, max(known[1], found.score))

    def _joined(self, number: int, one: str, other: str) -> str:
        """The exact words of the passage from the first to the last of two quotes."""
        text = self._passages[number - 1].text
        spans = [(text.find(quote), text.find(quote) + len(quote)) for quote in (one, other)]
        return text[min(start for start, _ in spans) : max(end for _, end in spans)]


def is_courtesy(sentence: str) -> bool:
    """True for a sentence of the closed list that claims nothing ("Let me know ...")."""
    plain = " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)?", fold(CITATION.sub("", sentence))))
    return not URL.search(sentence) and any(shape.fullmatch(plain) for shape in COURTESY)


def _with_citations(piece: str, shown: list[int]) -> str:
    """`piece` with its citations replaced by `shown`, in front of nothing but white space."""
    body = _CITED_TAIL.sub("", piece)
    stripped = body.rstrip()
    tail = body[len(stripped) :]
    return f"{stripped} {''.join(f'[{n}]' for n in shown)}{tail}"
